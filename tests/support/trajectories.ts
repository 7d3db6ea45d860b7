/**
 * Trajectories of every depth, activation, output, loss and schedule, on bytes and on floats: see `make.py`
 * beside them.
 */
export const MIXED_TRAJECTORIES: readonly string[] = [
  'one-linear.json',
  'two-tanh.json',
  'table.json',
  'six-bce.json',
  'eight-mixed.json',
  'tanh-mnist.json',
  'bce-mnist.json',
  'cosine-warmup.json',
  'linear.json',
  'constant-warmup.json',
]
