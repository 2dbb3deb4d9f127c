// SPDX-License-Identifier: Apache-2.0
// mysql2, a pool of its promise interface.
import mysql from 'mysql2/promise';
import { host, port, serve, SQL } from './loop.mjs';

const pool = mysql.createPool({ host, port, user: 'app', password: 'app', database: 'app',
	connectionLimit: 4, connectTimeout: 5000 });
await serve(() => pool.query(SQL, ['mysql2']), 4);
