// The contenders node and node cluster: arguments are the address, the mode, and "cluster" or nothing.
'use strict';
const cluster = require('node:cluster');
const http = require('node:http');
const net = require('node:net');

const [addr, mode, how] = process.argv.slice(2);
const [host, port] = addr.split(':');
const WORKERS = 2;

const json = '{"items":[' + '{"id":1234567,"name":"lurcher","tags":["dog","fast"],"ok":true},'.repeat(15) +
  '{"id":0}],"next":"/items?page=2"}\n';
const bodies = { '/': 'Hello World\n', '/json': json, '/large': '0123456789abcdef'.repeat(4096) };

const items = {
  items: Array.from({ length: 15 }, (_, i) => ({ id: 1234567 + i, name: 'lurcher', tags: ['dog', 'fast'], ok: true })),
  next: '/api?page=2',
};

function answer(req, res) {
  const body = bodies[req.url];
  if (body !== undefined) {
    res.end(body);
  } else if (req.url === '/post') {
    req.on('data', () => {});
    req.on('end', () => res.end('got it\n'));
  } else if (req.url === '/api') {
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify(items));
  } else if (req.url.startsWith('/delay?ms=')) {
    setTimeout(() => res.end(bodies['/']), Number(req.url.slice('/delay?ms='.length)));
  } else {
    res.statusCode = 404;
    res.end();
  }
}

if (how === 'cluster' && cluster.isPrimary) {
  for (let i = 0; i < WORKERS; i++) cluster.fork();
} else if (mode === 'echo') {
  net.createServer({ noDelay: true }, (c) => {
    c.on('error', () => {});
    c.pipe(c);
  }).listen(Number(port), host);
} else {
  const server = http.createServer(answer);
  server.keepAliveTimeout = 75e3; // its 5 s are over before 19,000 connections are open
  server.listen(Number(port), host, 4096);
}
