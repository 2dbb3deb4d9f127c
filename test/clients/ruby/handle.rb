#!/usr/bin/ruby
# SPDX-License-Identifier: Apache-2.0
# As test/clients/python/handle.py, by mysql2: connect HOST [KEY=NUMBER...] | query SQL | begin |
# commit | rollback | ping | id | shut | socket (its number)
require "mysql2"
require "socket"

def run(client, verb, rest)
  case verb
  when "query"
    client.query(rest)&.first&.values&.map { |v| v.nil? ? "NULL" : v.to_s }&.join("|")
  when "begin", "commit", "rollback" then client.query(verb.upcase) && nil
  when "ping" then client.ping || raise(Mysql2::Error, "the ping fails")
  when "id" then client.thread_id
  when "socket" then client.socket
  when "shut" then shut(client.socket)
  end
end

def shut(number)
  socket = Socket.for_fd(number)
  socket.autoclose = false
  socket.shutdown(Socket::SHUT_RDWR)
  nil
end

client = nil
while (line = $stdin.gets)
  verb, rest = line.chomp.split(" ", 2)
  begin
    if verb == "connect"
      host, *more = rest.split(" ")
      options = more.to_h { |word| word.split("=") }.to_h { |key, value| [key.to_sym, value.to_i] }
      client = Mysql2::Client.new(host: host, username: "app", password: "app", database: "app",
                                  **options)
      puts "ok"
    else
      told = run(client, verb, rest).to_s
      puts told.empty? ? "ok" : "ok #{told}"
    end
  rescue Mysql2::Error => e
    puts "error #{e.error_number || 0} #{e.sql_state || "-"} #{e.message}"
  end
  $stdout.flush
end
