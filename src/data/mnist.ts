/** What is known of MNIST beforehand. */

/** Pixels of a digit: 28 × 28. */
export const MNIST_PIXELS = 784
