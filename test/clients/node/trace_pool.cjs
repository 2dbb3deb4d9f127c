// SPDX-License-Identifier: Apache-2.0
// What each PoolCluster of mysql2 tells of its nodes to whoever listens:
//
//   POOL_TRACE=FILE node --require ./trace_pool.cjs PROGRAM
//
// It listens and changes nothing; a line for each event: "warn" with an error, "remove" with a node.
const fs = require('node:fs');
const mysql2 = require('mysql2');

const { createPoolCluster } = mysql2;

mysql2.createPoolCluster = (...words) => {
	const made = createPoolCluster(...words);
	for (const event of ['warn', 'remove'])
		made.on(event, (what) =>
			fs.appendFileSync(process.env.POOL_TRACE, `${event} ${what.message ?? what}\n`));
	return made;
};
