"""What an application does: writes again and again, and connects anew when its connection is
lost."""
import os
import time

import pymysql


def connect():
    return pymysql.connect(host=os.environ["DB_HOST"], port=int(os.environ["DB_PORT"]),
                           user=os.environ["DB_USER"], password=os.environ["DB_PASSWORD"],
                           database=os.environ["DB_NAME"], autocommit=True)


def write(db):
    with db.cursor() as cursor:
        cursor.execute("INSERT INTO documents VALUES (NOW(6))")


db = connect()
with db.cursor() as cursor:
    cursor.execute("CREATE TABLE IF NOT EXISTS documents (at DATETIME(6))")
while True:
    try:
        db = db or connect()
        write(db)
    except pymysql.err.OperationalError as error:
        print(error, flush=True)
        if error.args[0] in (2003, 2006, 2013):  # cannot connect, gone, lost
            db = None
    time.sleep(0.02)
