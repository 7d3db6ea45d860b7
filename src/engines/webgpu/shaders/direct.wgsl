// What products without shared memory share: a workgroup is a square of threads with a quad of rows and one
// of columns each.
const SIDE = 8u;
const TILE = QUAD * SIDE;
const THREADS = SIDE * SIDE;

// For the sum of the loss only.
var<workgroup> tile: array<vec4f, THREADS>;
