-- What a Lua script may want of a system: memory that comes and goes, files,
-- other programs, clocks.  TAP.
local count = 0
local function ok(good, name)
	count = count + 1
	print((good and "ok " or "not ok ") .. count .. " - " .. name)
end

-- closures and coroutines
local function counter()
	local n = 0
	return function() n = n + 1; return n end
end
local a, b = counter(), counter()
a(); a()
ok(a() == 3 and b() == 1, "closures keep what is theirs")

local primes = coroutine.wrap(function()
	local sieve = {}
	for n = 2, math.huge do
		if not sieve[n] then
			coroutine.yield(n)
			sieve[n * n] = { n }
		else
			for _, p in ipairs(sieve[n]) do
				sieve[n + p] = sieve[n + p] or {}
				table.insert(sieve[n + p], p)
			end
			sieve[n] = nil
		end
	end
end)
local last
for _ = 1, 1000 do last = primes() end
ok(last == 7919, "the thousandth prime, by a coroutine")

-- strings
local words = {}
for w in ("the quick brown fox jumps over the lazy dog"):gmatch("%a+") do
	words[w] = (words[w] or 0) + 1
end
ok(words.the == 2 and words.fox == 1, "patterns")
ok(("x"):rep(1000000):gsub("x", "yz"):len() == 2000000, "a long string")
ok(string.format("%5.2f|%-5d|%q", math.pi, 42, "a\n\"b\"") ==
    " 3.14|42   |\"a\\\n\\\"b\\\"\"", "format")
ok(string.unpack("<i4", string.pack("<i4", -2)) == -2, "pack and unpack")
ok(math.type(2^53) == "float" and 7 // 2 == 3 and 2^0.5 == math.sqrt(2),
    "arithmetic")

-- the collector
local function tree(depth)
	if depth == 0 then return {} end
	return { tree(depth - 1), tree(depth - 1) }
end
collectgarbage()
local before, dead = collectgarbage("count"), 0
for _ = 1, 20 do
	local t = setmetatable(tree(12), { __gc = function()
		dead = dead + 1
	end })
end
local kept = {}
for i = 1, 50000 do kept[i] = { i, tostring(i) } end
ok(kept[50000][2] == "50000" and collectgarbage("count") > before + 3000,
    "megabytes are taken")
kept = nil
collectgarbage(); collectgarbage()
ok(collectgarbage("count") < before + 200 and dead == 20,
    "and collected, finalisers run")

-- errors
local good, message = pcall(function() local t = nil; return t.x end)
ok(not good and message:find("attempt to index a nil value"),
    "errors are caught")
local function down(n) return n == 0 and 0 or 1 + down(n - 1) end
ok(not pcall(down, 1e7) and down(10000) == 10000,
    "a stack that is too deep")

-- files
local name = os.tmpname()
local f = assert(io.open(name, "w"))
for i = 1, 20000 do f:write(i, " ", i * i, "\n") end
f:close()
local sum, lines = 0, 0
for n, sq in io.lines(name, "n", "n") do
	sum, lines = sum + sq // n, lines + 1
end
ok(lines == 20000 and sum == 20000 * 20001 // 2, "a file, line by line")
f = assert(io.open(name, "r+b"))
f:seek("set", 8)
f:write("HERE")
f:seek("set", 6)
ok(f:read(8) == "4\nHERE4 " and f:seek("end") > 200000, "seek")
f:close()
ok(os.rename(name, name .. "x") and not io.open(name) and
    os.remove(name .. "x") and not os.remove(name .. "x"),
    "rename and remove")
local none, why, errno = io.open("/nonesuch/x")
ok(none == nil and errno == 2, "errors have numbers")

-- other programs
local fine, how, status = os.execute("exit 7")
ok(not fine and how == "exit" and status == 7, "os.execute")
fine, how, status = os.execute("kill -9 $$")
ok(not fine and how == "signal" and status == 9, "one that was killed")
local p = io.popen("for i in 3 1 2; do echo $i; done | sort")
local out = p:read("a")
ok(out == "1\n2\n3\n" and p:close(), "popen, to read")
p = io.popen("wc -c >/tmp/n", "w")
p:write(("x"):rep(100000))
p:close()
ok(io.open("/tmp/n"):read("n") == 100000, "popen, to write")
ok(os.getenv("HOME") == "/root" and arg[1] == "an argument",
    "environment and arguments")

-- clocks
local t0, c0 = os.time(), os.clock()
for _ = 1, 300000 do end
ok(os.clock() >= c0 and os.time() >= t0 and
    os.date("!%H:%M:%S", 3661) == "01:01:01", "clocks")

print("1.." .. count)
os.exit(0)
