// aedes on 127.0.0.1: `node aedes.js PORT WEBSOCKET_PORT`, with NODE_PATH. It stores nothing on disk.
const net = require('net')
const http = require('http')
const { WebSocketServer, createWebSocketStream } = require('ws')
const { Aedes } = require('aedes')

async function main () {
  const [port, websocketPort] = process.argv.slice(2).map(Number)
  const broker = await Aedes.createBroker()
  net.createServer(broker.handle).listen(port, '127.0.0.1')
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
