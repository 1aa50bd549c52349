/* A reader of handwritten digits: @recipe@.

   C99, integers alone: no library, no heap, no floating point.

       #include "@file@"
       int digit = tenfold_digit(image, NULL);

   image: 784 bytes, rows from top to bottom; ink is bright (255) on a dark ground (0), and the digit lies as MNIST's do,
   20 pixels high and centred. The answer is a number from 0 to @last@: @classes@.
   scores: @outputs@ numbers, one for each answer, or NULL. Divided by @scale@.0 they are logits.

   Constants @constants@ bytes. RAM: @ram@ bytes on the stack, and some for calls. @multiplications@ multiplications an image.
   tenfold @version@ wrote this.
*/
#ifndef TENFOLD_DIGIT_H
#define TENFOLD_DIGIT_H

#include <stdint.h>

#define TENFOLD_ANSWERS @outputs@

/* A layer: a convolution, its sums scaled, the greatest of pool x pool of them, cut to 0 to 255. */
struct tenfold_layer {
    uint16_t inputs, outputs;
    uint8_t side, kernel, stride, padding, pool, output_side;
    uint8_t depthwise, ones;   /* each channel is convolved alone; all its weights are 1 */
    uint8_t zero_point;        /* what stands for 0 in what it is given */
    uint8_t bias_shift, shift; /* of biases, and of what is handed on */
};

static const struct tenfold_layer tenfold_layers[@layers@] = {
@table@
};

static const int16_t tenfold_multipliers[] = {
@multipliers@
};

static const int16_t tenfold_biases[] = {
@biases@
};

/* @bits@ bits each, the lowest first, @middle@ more than they are. */
static const uint8_t tenfold_weights[] = {
@weights@
};

static int32_t tenfold_weight(uint32_t number)
{
    const uint32_t bit = number * @bits@u;
    const uint8_t *at = tenfold_weights + bit / 8;
    return (int32_t)(((at[0] | (uint32_t)at[1] << 8) >> bit % 8) & @mask@u) - @middle@;
}

/* The sum of weights and what they are given, of one output at one place. */
static int32_t tenfold_sum(const struct tenfold_layer *layer, const uint8_t *given, uint32_t number, int top, int left)
{
    int32_t sum = 0;
    for (int c = layer->depthwise ? 1 : layer->inputs; c; c--, given += layer->side * layer->side)
        for (int row = top; row < top + layer->kernel; row++)
            for (int column = left; column < left + layer->kernel; column++) {
                const int inside = row >= 0 && row < layer->side && column >= 0 && column < layer->side;
                const int32_t value = inside ? given[row * layer->side + column] : layer->zero_point;
                sum += layer->ones ? value : value * tenfold_weight(number++);
            }
    return sum;
}

static int tenfold_digit(const uint8_t image[784], int32_t *scores)
{
    uint8_t even[@even@], odd[@odd@]; /* what layers hand on, in turns */
    const uint8_t *given = image;
    const int16_t *multiplier = tenfold_multipliers, *bias = tenfold_biases;
    uint32_t number = 0; /* of the first weight */
    int32_t highest = INT32_MIN;
    int answer = 0;
    for (int n = 0; n < @layers@; n++) {
        const struct tenfold_layer *layer = tenfold_layers + n;
        uint8_t *handed = n % 2 ? odd : even;
        for (int c = 0; c < layer->outputs; c++, multiplier++, bias++) {
            const uint8_t *from = given + (layer->depthwise ? (uint32_t)c * layer->side * layer->side : 0u);
            for (int place = 0; place < layer->output_side * layer->output_side; place++) {
                int32_t most = INT32_MIN;
                for (int p = 0; p < layer->pool * layer->pool; p++) {
                    const int row = place / layer->output_side * layer->pool + p / layer->pool;
                    const int column = place % layer->output_side * layer->pool + p % layer->pool;
                    const int32_t sum = tenfold_sum(layer, from, number, row * layer->stride - layer->padding,
                                                    column * layer->stride - layer->padding);
                    const int32_t scaled = sum * *multiplier + *bias * ((int32_t)1 << layer->bias_shift);
                    most = scaled > most ? scaled : most;
                }
                if (n < @layers@ - 1) {
                    most = most < 0 ? 0 : most >> layer->shift;
                    *handed++ = (uint8_t)(most > 255 ? 255 : most);
                } else {
                    if (scores)
                        scores[c] = most;
                    if (most > highest)
                        highest = most, answer = c;
                }
            }
            number += layer->ones ? 0u : (uint32_t)(layer->depthwise ? 1 : layer->inputs) * layer->kernel * layer->kernel;
        }
        given = n % 2 ? odd : even;
    }
    return answer;
}

#endif
