-- SPDX-License-Identifier: Apache-2.0
-- One connection of the client matrix, by sysbench's own driver: a line of input is a statement, the
-- answer is a line of JSON.

local connection

function thread_init()
	connection = sysbench.sql.driver():connect()
end

local function quote(text)
	return '"' .. text:gsub('[%c"\\]', " ") .. '"'
end

local function first_value(sql)
	local row = sql:find("^SELECT") and connection:query_row(sql) or connection:query(sql) and nil
	return row and quote(row) or "null"
end

function event()
	for sql in io.lines() do
		local done, value = pcall(first_value, sql)
		print(string.format('{"ok": %d, "errors": [%s], "value": %s}', done and 1 or 0,
			done and "" or quote((value:gsub("^.*any.lua:%d+: ", ""))), done and value or "null"))
		io.flush()
	end
end

function thread_done()
	connection:disconnect()
end
