// The contender node ws: arguments are the address and the mode. The package is what "npm ci" installs here.
'use strict';
const { WebSocketServer } = require('ws');

const [addr, mode] = process.argv.slice(2);
const [host, port] = addr.split(':');
const server = new WebSocketServer({ host, port: Number(port), backlog: 4096, perMessageDeflate: false });
server.on('connection', (c) => {
  c.on('error', () => {});
  c.on('message', (data, binary) => {
    if (mode !== 'cast') {
      c.send(data, { binary });
      return;
    }
    for (const each of server.clients) each.send(data, { binary });
  });
});
