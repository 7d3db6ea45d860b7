/**
 * `import 'hourglass-autoencoder/tables'`: CSV and Parquet for the one file that pages have. The other builds
 * read and write them as they are, and this is empty there: `scripts/build-standalone.ts` says what a page
 * gets instead.
 */
export {}
