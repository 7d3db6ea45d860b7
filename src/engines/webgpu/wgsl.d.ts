/** A WGSL file as text: Vite's `?raw`. */
declare module '*.wgsl?raw' {
  const text: string
  export default text
}
