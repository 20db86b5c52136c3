// Feeds the middleware with the requests of a log, as fast as it takes them: what Express itself
// costs a request is not counted against it.   node express.js LOG CONNINFO-AS-JSON
"use strict";

const fs = require("fs");
const readline = require("readline");
const { Pool } = require("pg");
const { ActivityBuffer } = require("./middleware.js");

function bodyOf(text) {
  try {
    return text === "" ? {} : JSON.parse(text);
  } catch {
    return {};
  }
}

async function main(log, conninfo) {
  const pool = new Pool({ ...JSON.parse(conninfo), max: 10 });
  const buffer = new ActivityBuffer(pool);
  const handle = buffer.middleware();
  const lines = readline.createInterface({ input: fs.createReadStream(log), crlfDelay: Infinity });
  let number = 0;
  for await (const text of lines) {
    const line = JSON.parse(text);
    const query = Object.fromEntries(new URLSearchParams(line.args));
    handle({ body: bodyOf(line.request_body), query, at: line.msec }, {}, () => {});
    // A server would go back to its event loop after each request.
    if (++number % 1000 === 0) await buffer.flushing;
  }
  await buffer.close();
  await pool.end();
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
