/** Flags of sweeps whose trials take a moment on the small digits. */
export const smallNetworks = (hidden = '10') => ['--hidden', hidden, '-b', '32', '--sigma', '0.2']

/** Of the second rate nothing but failures comes. */
export const FAILING_RATES = ['--lr', '0.01,1e30']
