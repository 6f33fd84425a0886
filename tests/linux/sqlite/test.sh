# What sqlite3 does to a file: transactions, their rollback, also after a
# process was killed in the middle of one; locks between processes; a log that
# processes share.  TAP.
count=0
db=/tmp/test.db

# ok NAME WANTED GOT
ok() {
	count=$((count + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1"
		echo "# wanted: $2"
		echo "# got:    $3"
	fi
}

# sql TEXT: its answers in a line
sql() {
	echo "$1" | sqlite3 $db 2>&1 | tr '\n' ' '
}

sql 'CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, n INTEGER);
WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 5000)
INSERT INTO t SELECT i, printf("name %05d", i), i * i % 1009 FROM c;'
ok 'five thousand rows' '5000 2526427 ' \
    "$(sql 'SELECT count(*) FROM t; SELECT sum(n) FROM t;')"

i=0
while [ $i -lt 300 ]; do
	echo "INSERT INTO t (name, n) VALUES ('one by one', $i);"
	i=$((i + 1))
done | sqlite3 $db
ok 'a journal for each of three hundred' '300 44850 ' \
    "$(sql "SELECT count(*) FROM t WHERE name = 'one by one';
	SELECT sum(n) FROM t WHERE id > 5000;")"
ok 'no journal is left' "$db" "$(ls $db*)"

ok 'what is rolled back has not been' '5300 0 5300 ' "$(sql 'BEGIN;
	SELECT count(*) FROM t; DELETE FROM t; SELECT count(*) FROM t; ROLLBACK;
	SELECT count(*) FROM t;')"
ok 'a savepoint' '5299 5300 ' "$(sql "BEGIN; SAVEPOINT a;
	DELETE FROM t WHERE id = 1; SELECT count(*) FROM t; ROLLBACK TO a;
	COMMIT; SELECT count(*) FROM t;")"

sql 'CREATE INDEX byname ON t (name);'
ok 'an index is used' 1 "$(sql "EXPLAIN QUERY PLAN SELECT n FROM t
	WHERE name = 'name 04321';" | grep -c 'USING INDEX byname')"
ok 'and right' '4321 505 ' \
    "$(sql "SELECT id, n FROM t WHERE name = 'name 04321';" | tr '|' ' ')"
ok 'all hangs together' 'ok ' "$(sql 'PRAGMA integrity_check;')"

# It is killed when half of the new pages are in the file already.
sum=$(sql 'SELECT sum(n), count(*), max(name) FROM t;')
sqlite3 $db >/tmp/out 2>&1 <<-EOF
	PRAGMA cache_size = 5;
	BEGIN;
	UPDATE t SET n = n + 1, name = name || ' changed';
	.shell kill -9 \$PPID
	COMMIT;
EOF
ok 'killed in a transaction' 137 $?
ok 'its journal lies there' "$db-journal" "$(ls $db-journal)"
ok 'who comes next rolls it back' "$sum" \
    "$(sql 'SELECT sum(n), count(*), max(name) FROM t;')"
ok 'and all hangs together' 'ok ' "$(sql 'PRAGMA integrity_check;')"
ok 'and it is gone' "$db" "$(ls $db*)"

sqlite3 $db >/tmp/out 2>&1 <<-EOF
	BEGIN IMMEDIATE;
	INSERT INTO t (name) VALUES ('mine');
	.shell sqlite3 $db "INSERT INTO t (name) VALUES ('yours');" 2>&1
	.shell sqlite3 $db "SELECT count(*) FROM t;"
	COMMIT;
	SELECT count(*) FROM t;
EOF
ok 'one writes, others read meanwhile' 'locked 5300 5301 ' \
    "$(sed 's/.*is locked.*/locked/; /^System command/d' /tmp/out |
	tr '\n' ' ')"

ok 'a log instead of a journal' 'wal ' "$(sql 'PRAGMA journal_mode = wal;')"
sqlite3 $db >/tmp/out 2>&1 <<-EOF
	BEGIN;
	DELETE FROM t WHERE id > 5000;
	SELECT count(*) FROM t;
	.shell sqlite3 $db "SELECT count(*) FROM t;"
	COMMIT;
	.shell sqlite3 $db "SELECT count(*) FROM t;"
EOF
ok 'its index is memory that processes share' '5000 5301 5000 ' \
    "$(tr '\n' ' ' </tmp/out)"
ok 'and back' 'delete ok ' \
    "$(sql 'PRAGMA journal_mode = delete; PRAGMA integrity_check;')"

sqlite3 $db .dump | sqlite3 /tmp/copy.db
ok 'a dump is the same again' "$(sqlite3 $db '.sha3sum')" \
    "$(sqlite3 /tmp/copy.db '.sha3sum')"
size=$(stat -c %s /tmp/copy.db)
sqlite3 /tmp/copy.db 'DELETE FROM t WHERE id > 100; VACUUM;'
ok 'a file becomes smaller' yes \
    "$([ $(stat -c %s /tmp/copy.db) -lt $((size / 4)) ] && echo yes)"

ok 'eight queens' '92 ' "$(sql "WITH RECURSIVE
	row(r) AS (VALUES (1), (2), (3), (4), (5), (6), (7), (8)),
	q(n, s) AS (VALUES (0, '') UNION ALL SELECT n + 1, s || row.r FROM q, row
	    WHERE n < 8 AND NOT EXISTS (SELECT 1 FROM row x WHERE x.r <= n AND
	    (substr(s, x.r, 1) + 0 = row.r OR
	    abs(substr(s, x.r, 1) - row.r) = n + 1 - x.r)))
	SELECT count(*) FROM q WHERE n = 8;")"

# Memory ends before this does.
ok 'a file that is too large' 1 "$(sql "CREATE TABLE big (b BLOB);
	WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c
	WHERE i < 2000) INSERT INTO big SELECT zeroblob(1000000) FROM c;" |
	grep -c -e 'disk is full' -e 'out of memory' -e 'disk I/O')"
ok 'is as if it had not been' '5000 ok ' \
    "$(sql 'SELECT count(*) FROM t; PRAGMA integrity_check;')"

echo "1..$count"
