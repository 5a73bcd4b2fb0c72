// Unpacks the aggregated records given as base64 lines on the standard input, by AWS's own Node library.
const agg = require("aws-kinesis-agg");

const lines = require("fs").readFileSync(0, "utf8").trim().split("\n");
for (const data of lines) {
  agg.deaggregateSync({ data, partitionKey: "outer" }, true, (error, records) => {
    if (error) throw error;
    console.log(JSON.stringify(records.map((record) => [record.partitionKey, record.data])));
  });
}
