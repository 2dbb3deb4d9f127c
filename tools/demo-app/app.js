// SPDX-License-Identifier: Apache-2.0
// An ordinary Node program with a mysql2 pool: one INSERT every 20 ms until its input ends.
// It knows nothing of Pelorus; it prints one JSON line per attempt, for the demo to draw.
'use strict';
const mysql = require('mysql2/promise');

const pool = mysql.createPool({
	host: process.env.DB_HOST,
	port: Number(process.env.DB_PORT || 3306),
	user: process.env.DB_USER,
	password: process.env.DB_PASSWORD,
	database: process.env.DB_DATABASE,
	connectionLimit: 4,
});

async function attempt() {
	const begin = Date.now();
	try {
		await pool.query('INSERT INTO demo_writes (at, server) VALUES (NOW(6), @@aurora_server_id)');
		console.log(JSON.stringify({begin, end: Date.now()}));
	} catch (error) {
		console.log(JSON.stringify({begin, end: Date.now(), error: error.code || error.message,
			errno: error.errno}));
	}
}

const timer = setInterval(attempt, 20);
process.stdin.resume();
process.stdin.on('end', () => {
	clearInterval(timer);
	setTimeout(() => process.exit(0), 200);
});
