// What products of tiles share: the shape of a tile and of its workgroup, and the workgroup's memory.

// Rows and columns of the result that a workgroup computes.
const TILE = $TILEu;
const TILE_QUADS = TILE / QUAD;
// The workgroup's threads are slices of SIDE × SIDE. Each slice sums its own part of the terms, and each of
// its threads one block of 4 × 4 sums or, in the larger tile, four, SIDE quads of rows or columns apart: see
// sums-32.wgsl, sums-64.wgsl.
const SLICES = $SLICESu;
const SIDE = 8u;
const THREADS = SLICES * SIDE * SIDE;
// Terms that lie in the workgroup's memory at a time.
const DEPTH = $DEPTH_VALUESu / TILE;
const DEPTH_QUADS = DEPTH / QUAD;
const SLICE_QUADS = DEPTH_QUADS / SLICES;
// They come in blocks of 4 × 4 values, so many of A, and as many of B.
const BLOCKS = TILE_QUADS * DEPTH_QUADS;
// Whether a thread brings a block of each, or half of the threads those of A, the others those of B.
const BRINGS_BOTH = THREADS == BLOCKS;

// A, [term][quad of rows]; from PLACE_B on B, [term][quad of columns]. Afterwards the sums, [row][quad of
// columns].
var<workgroup> tile: array<vec4f, 2u * BLOCKS * QUAD>;
const PLACE_B = BLOCKS * QUAD;

// Where block (quad of terms, quad of rows or columns) begins; its next term lies TILE_QUADS on. Turned by
// the terms, so that neighbouring threads use different banks when they store, and when they read.
fn placeOf(kQuad: u32, quad: u32) -> u32 {
  return QUAD * TILE_QUADS * kQuad + (quad ^ (kQuad % SIDE));
}

// The quad of terms, and of rows or columns, of a block that is brought; neighbouring threads read
// neighbouring memory.
fn blockAt(number: u32, isDepthFirst: bool) -> vec2u {
  if (isDepthFirst) { return vec2u(number % DEPTH_QUADS, number / DEPTH_QUADS); }
  return vec2u(number / TILE_QUADS, number % TILE_QUADS);
}

fn storeBlock(place: u32, values: mat4x4f) {
  tile[place] = values[0];
  tile[place + TILE_QUADS] = values[1];
  tile[place + 2u * TILE_QUADS] = values[2];
  tile[place + 3u * TILE_QUADS] = values[3];
}

// The sums of one term in a block: a matrix whose columns are the block's rows. Indices are constants
// wherever sums are touched: they stay in registers then.
fn addTerm(sums: ptr<function, mat4x4f>, a: vec4f, b: vec4f) {
  (*sums)[0] += a.x * b;
  (*sums)[1] += a.y * b;
  (*sums)[2] += a.z * b;
  (*sums)[3] += a.w * b;
}

// Adds a slice's block to the sums of the tile; the first one finds none there.
fn addBlock(place: u32, isFirst: bool, sums: mat4x4f) {
  var before = mat4x4f();
  if (!isFirst) {
    before = mat4x4f(tile[place], tile[place + TILE_QUADS], tile[place + 2u * TILE_QUADS],
      tile[place + 3u * TILE_QUADS]);
  }
  storeBlock(place, before + sums);
}
