/** Numbers in sentences. */

/** 60000 as "60,000". `toLocaleString` would do, but to set it up takes the page's start 30 ms on a phone. */
export function thousands(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',')
}

export function epochsText(count: number): string {
  return count === 1 ? '1 epoch' : `${thousands(count)} epochs`
}

export function rowsText(count: number): string {
  return count === 1 ? '1 row' : `${thousands(count)} rows`
}
