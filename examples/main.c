/* Reads images of 784 bytes each, ink bright on 0, and prints a line for each: the digit, and the scores of all.

       tenfold train tiny
       tenfold export --format c -o digit.h
       cc -Os -o digit main.c
       ./digit < image.raw
*/
#include <stdio.h>

#include "digit.h"

int main(void)
{
    uint8_t image[784];
    int32_t scores[TENFOLD_ANSWERS];
    while (fread(image, 1, sizeof image, stdin) == sizeof image) {
        printf("%d:", tenfold_digit(image, scores));
        for (int n = 0; n < TENFOLD_ANSWERS; n++)
            printf(" %ld", (long)scores[n]);
        puts("");
    }
    return 0;
}
