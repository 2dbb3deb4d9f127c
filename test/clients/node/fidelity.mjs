// SPDX-License-Identifier: Apache-2.0
// Amazon's own Node.js driver, unmodified, over mysql2: says what it takes the cluster for, then
// writes until its input ends.  One JSON line per thing that happens.
//
//   fidelity.mjs HOST PORT [USER PASSWORD [tls]]
import { AwsMySQLClient } from "aws-advanced-nodejs-wrapper/mysql";

const [host, port, user = "app", password = "app", tls] = process.argv.slice(2);
const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
let client = null;

async function connect() {
  client = new AwsMySQLClient({
    host, port: Number(port), user, password, database: "app",
    ...(tls && { ssl: { rejectUnauthorized: false } }),
    plugins: "initialConnection,failover2", failoverTimeoutMs: 60000, connectTimeout: 5000,
  });
  client.on("error", () => {});
  await client.connect();
}

async function describe() {
  const service = client.pluginService;
  await service.forceRefreshHostList(client.targetClient);
  say({ dialect: service.getDialect().getDialectName(),
        hosts: service.getAllHosts().map((h) => ({ host: h.host, role: h.role })) });
}

async function write(number) {
  await client.query({ sql: `INSERT IGNORE INTO fidelity VALUES ('node', ${number})` });
  const [rows] = await client.query({ sql: "SELECT @@aurora_server_id AS id" });
  say({ wrote: number, id: rows[0].id });
}

let ending = false;
process.stdin.on("end", () => { ending = true; }).resume();
await connect();
await describe();
for (let number = 1; !ending;) {
  try {
    await write(number);
    number += 1;
    await new Promise((resolve) => setTimeout(resolve, 20));
  } catch (error) {
    say({ error: error.constructor.name, text: error.message });
    if (error.constructor.name !== "FailoverSuccessError") {
      await client.end().catch(() => {});
      for (let connected = false; !connected && !ending;) {
        try {
          await connect();
          connected = true;
        } catch (again) {
          say({ error: again.constructor.name, text: again.message });
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
    }
  }
}
process.exit(0);
