// An edge node as its makers wrote it: npm `sparkplug-client`, told what to publish by JSON lines on standard input.
// argv: {url, group, node, metrics, devices: {name: metrics}}. It answers rebirth commands, and says so on its output.
const readline = require("readline");
const { newClient } = require("sparkplug-client");

const setup = JSON.parse(process.argv[2]);
const client = newClient({
  serverUrl: setup.url,
  username: "",
  password: "",
  groupId: setup.group,
  edgeNode: setup.node,
  clientId: `edge-${setup.group}-${setup.node}`,
  keepalive: 5,
});

const say = (event) => process.stdout.write(JSON.stringify(event) + "\n");
const payload = (metrics) => ({
  timestamp: Date.now(),
  metrics: metrics.map((each) => ({ timestamp: Date.now(), ...each, ...bytes(each) })),
});
const bytes = (metric) => (metric.type === "Bytes" ? { value: Buffer.from(metric.value) } : {});

function births() {
  client.publishNodeBirth(payload(setup.metrics), setup.options);
  for (const [device, metrics] of Object.entries(setup.devices)) {
    client.publishDeviceBirth(device, payload(metrics), setup.options);
  }
  say({ event: "born" });
}

client.on("birth", births);
client.on("error", (error) => say({ event: "error", error: String(error) }));
client.on("ncmd", (command) => {
  for (const metric of command.metrics) {
    say({ event: "command", name: metric.name, type: metric.type, value: metric.value });
    if (metric.name === "Node Control/Rebirth" && metric.value === true) births();
  }
});

const orders = {
  ndata: ({ metrics, options }) => client.publishNodeData(payload(metrics), options),
  ddata: ({ device, metrics, options }) => client.publishDeviceData(device, payload(metrics), options),
  ddeath: ({ device }) => client.publishDeviceDeath(device, payload([])),
  lose: ({ messages }) => { for (let n = 0; n < messages; n += 1) client.incrementSeqNum(); },
};
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const order = JSON.parse(line);
  orders[order.do](order);
});
