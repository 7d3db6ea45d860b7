/** @type {import('next').NextConfig} */
export default {
  // The server's half finds its workers and its core beside its own files: Next must not pack it.
  serverExternalPackages: ['hourglass-autoencoder'],
}
