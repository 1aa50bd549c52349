"""What a file holds, as pages in colours.

page       Page: pixels, no more than are needed, and the full size
arrays     arrays of numbers
images     what Pillow opens
documents  PDF
plain      PNG and JPEG as they mostly are, without all but their pixels
apart      files of every other kind, decoded in a process of its own with limits of time and memory
child      that process
"""
