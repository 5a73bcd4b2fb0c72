// aedes on 127.0.0.1: `node aedes.js PORT WEBSOCKET_PORT TLS_PORT CERT KEY DENIED`, with NODE_PATH. It stores nothing.
const fs = require('fs')
const net = require('net')
const tls = require('tls')
const http = require('http')
const { WebSocketServer, createWebSocketStream } = require('ws')
const { Aedes } = require('aedes')

async function main () {
  const [port, websocketPort, tlsPort] = process.argv.slice(2, 5).map(Number)
  const [cert, key, denied] = process.argv.slice(5)
  const forbidden = (topic) => denied && topic.startsWith(denied)
  const broker = await Aedes.createBroker({
    authorizeSubscribe: (client, subscription, done) => done(null, forbidden(subscription.topic) ? null : subscription),
    authorizePublish: (client, packet, done) => done(forbidden(packet.topic) ? new Error('denied') : null)
  })
  net.createServer(broker.handle).listen(port, '127.0.0.1')
  tls.createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) }, broker.handle).listen(tlsPort, '127.0.0.1')
  const server = http.createServer()
  const websockets = new WebSocketServer({ server, handleProtocols: () => 'mqtt' })
  websockets.on('connection', (socket, request) => {
    // A server in front of a broker usually pings: this one every half second.
    const pings = setInterval(() => socket.ping('still there?'), 500)
    socket.on('close', () => clearInterval(pings))
    broker.handle(createWebSocketStream(socket), request)
  })
  server.listen(websocketPort, '127.0.0.1')
}

main()
