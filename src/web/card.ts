/** The picture that a link to the page unfurls to: 1.91 : 1, as large as those who show it take it. */
export const CARD = { file: 'card.png', width: 1200, height: 630 } as const
