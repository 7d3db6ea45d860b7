/** To be preloaded: no folder takes a Unix socket, as on network and FAT file systems. */
import net from 'node:net'

net.Server.prototype.listen = function () {
  queueMicrotask(() =>
    this.emit('error', Object.assign(new Error('listen EOPNOTSUPP'), { code: 'EOPNOTSUPP' })),
  )
  return this
}
