// SPDX-License-Identifier: Apache-2.0
// One row of the client matrix, by database/sql; see test/clients/node/any.mjs for what is asked and
// answered: any WRITER READER CA
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/go-sql-driver/mysql"
)

// What *sql.DB and *sql.Tx have alike.
type asked interface {
	Query(query string, args ...any) (*sql.Rows, error)
	Exec(query string, args ...any) (sql.Result, error)
}

type told struct {
	Ok     int      `json:"ok"`
	Errors []string `json:"errors"`
	Value  *string  `json:"value"`
}

var (
	words = os.Args[1:]
	open  = map[string]*sql.DB{}
	held  *sql.Tx
)

func connect(verb string) (*sql.DB, error) {
	config := mysql.NewConfig()
	config.User, config.Passwd, config.DBName, config.Net = "app", "app", "app", "tcp"
	config.Logger = &mysql.NopLogger{}
	config.Addr = words[0] + ":3306"
	if verb == "r" {
		config.Addr = words[1] + ":3306"
	}
	if verb == "t" || verb == "e" {
		ca, err := os.ReadFile(words[2])
		if err != nil {
			return nil, err
		}
		known := x509.NewCertPool()
		known.AppendCertsFromPEM(ca)
		config.TLS = &tls.Config{RootCAs: known, ServerName: words[0], InsecureSkipVerify: verb == "e"}
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(4)
	return db, nil
}

func pool(verb string) (*sql.DB, error) {
	if verb == "h" {
		verb = "w"
	}
	db, err := open[verb], error(nil)
	if db == nil {
		db, err = connect(verb)
		if err == nil {
			open[verb] = db
		}
	}
	return db, err
}

// The first value, or nil.
func ask(on asked, text string) (*string, error) {
	if !strings.HasPrefix(text, "SELECT") {
		_, err := on.Exec(text)
		return nil, err
	}
	rows, err := on.Query(text)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var value *string
	if rows.Next() {
		err = rows.Scan(&value)
	}
	return value, errors.Join(err, rows.Err())
}

func hold(db *sql.DB, text string) (value *string, err error) {
	switch {
	case text == "BEGIN":
		held, err = db.Begin()
	case held == nil:
		err = sql.ErrTxDone
	case text == "COMMIT":
		err = held.Commit()
	default:
		value, err = ask(held, text)
		if err != nil {
			held.Rollback()
		}
	}
	if err != nil || text == "COMMIT" {
		held = nil
	}
	return value, err
}

func (t *told) add(value *string, err error) {
	if err != nil {
		t.Errors = append(t.Errors, err.Error())
		return
	}
	t.Ok++
	if value != nil {
		t.Value = value
	}
}

func run(t *told, verb string, n int, text string) {
	db, err := pool(verb)
	if err != nil {
		t.add(nil, err)
		return
	}
	if verb == "h" {
		t.add(hold(db, text))
		return
	}
	var all sync.WaitGroup
	var lock sync.Mutex
	for range n {
		all.Add(1)
		go func() {
			defer all.Done()
			value, err := ask(db, text)
			lock.Lock()
			defer lock.Unlock()
			t.add(value, err)
		}()
	}
	all.Wait()
}

func answer(line string) told {
	t := told{Errors: []string{}}
	parts := strings.SplitN(line+"  ", " ", 3)
	n, _ := strconv.Atoi(parts[1])
	switch parts[0] {
	case "a":
		found, err := net.LookupHost(words[0])
		if err == nil {
			t.Value = &found[0]
		}
	case "x":
		for _, db := range open {
			db.Close()
		}
		clear(open)
	default:
		run(&t, parts[0], n, strings.TrimSpace(parts[2]))
	}
	return t
}

func main() {
	out := json.NewEncoder(os.Stdout)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		out.Encode(answer(in.Text()))
	}
}
