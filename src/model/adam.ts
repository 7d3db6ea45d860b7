/**
 * The constants of `torch.optim.Adam` with its defaults (Kingma & Ba 2015, algorithm 1), for every engine.
 * Its weight decay is coupled: added to the gradient as weightDecay · parameter (AdamW's decoupled decay is
 * another optimizer).
 */
export const BETA_1 = 0.9
export const BETA_2 = 0.999
export const EPSILON = 1e-8
