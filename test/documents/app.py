"""What an application does: connects by the cluster's name, writes."""
import os

import pymysql

with pymysql.connect(host=os.environ["DB_HOST"], user=os.environ["DB_USER"],
                     password=os.environ["DB_PASSWORD"], database="app", autocommit=True) as db:
    with db.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS documents (at DATETIME(6))")
        cursor.execute("INSERT INTO documents VALUES (NOW(6))")
        print("wrote", cursor.rowcount)
