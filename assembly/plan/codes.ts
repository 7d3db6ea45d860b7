/** Whole numbers by which the host names what is to be computed. */

export const ACTIVATION_IDENTITY: i32 = 0
export const ACTIVATION_RELU: i32 = 1
export const ACTIVATION_SIGMOID: i32 = 2
export const ACTIVATION_SOFTMAX: i32 = 3
export const ACTIVATION_TANH: i32 = 4

/** Mean squared error, binary cross-entropy of logits, cross-entropy. */
export const LOSS_MSE: i32 = 0
export const LOSS_BCE: i32 = 1
export const LOSS_CROSS_ENTROPY: i32 = 2

/**
 * How the gradient of a layer's inputs is computed: not at all, of all, or only where a ReLU passes it
 * (`kernels/sddmm.ts`).
 */
export const INPUT_GRADIENT_NONE: i32 = 0
export const INPUT_GRADIENT_DENSE: i32 = 1
export const INPUT_GRADIENT_SAMPLED: i32 = 2

/**
 * How a panel's forty columns are done (`kernels/tiles.ts`): twenty and twenty, all at once where the runtime
 * fuses 128-bit operations to 256, or the first twenty alone.
 */
export const TILE_TWENTIES: i32 = 0
export const TILE_FORTY: i32 = 1
export const TILE_TWENTY: i32 = 2

/** Rows are bytes, of which the network sees value / 255, or floats. */
export const ROWS_BYTES: i32 = 0
export const ROWS_FLOATS: i32 = 1
