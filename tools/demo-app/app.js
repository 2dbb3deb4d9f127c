// SPDX-License-Identifier: Apache-2.0
// An ordinary Node program with a pool of connections: one INSERT every 20 ms until its input ends.
// It knows nothing of Pelorus; it prints one JSON line per attempt, for the demo to draw.
'use strict';

// mysql2 as npm brings it, or mysql as Debian does: what is used of them is the same in both.
function driver() {
	try {
		return require('mysql2');
	} catch {
		return require('mysql');
	}
}

const pool = driver().createPool({
	host: process.env.DB_HOST,
	port: Number(process.env.DB_PORT || 3306),
	user: process.env.DB_USER,
	password: process.env.DB_PASSWORD,
	database: process.env.DB_NAME,
	connectionLimit: 4,
});

function attempt() {
	const begin = Date.now();
	pool.query('INSERT INTO demo_writes (at, server) VALUES (NOW(6), @@aurora_server_id)', (error) => {
		const told = {begin, end: Date.now()};
		if (error)
			Object.assign(told, {error: error.code || error.message, errno: error.errno});
		console.log(JSON.stringify(told));
	});
}

const timer = setInterval(attempt, 20);
process.stdin.resume();
process.stdin.on('end', () => {
	clearInterval(timer);
	setTimeout(() => process.exit(0), 200);
});
