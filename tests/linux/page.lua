-- page.lua - an application as a web server's interpreter would have it: some
-- libraries, tables that are built at the start, and a function for requests.

local words = {}

-- A dictionary, sorted, and an index of it.
local seed = 42
local function chance(n)
	seed = (seed * 1103515245 + 12345) % 2147483648
	return seed // 65536 % n
end

for i = 1, 600 do
	local s = {}
	for k = 1, 4 + chance(6) do
		s[k] = string.char(97 + chance(26))
	end
	words[i] = table.concat(s)
end
table.sort(words)

local index = {}
for i, w in ipairs(words) do
	local first = w:sub(1, 1)
	index[first] = index[first] or {}
	table.insert(index[first], w)
end

-- Templates: text with {names}, compiled to functions.
local function compile(text)
	local parts = {}
	for before, name in (text .. "{}"):gmatch("(.-){(%w*)}") do
		parts[#parts + 1] = before
		parts[#parts + 1] = name
	end
	return function(env)
		local out = {}
		for i = 1, #parts, 2 do
			out[#out + 1] = parts[i]
			out[#out + 1] = tostring(env[parts[i + 1]] or "")
		end
		return table.concat(out)
	end
end

local templates = {
	page = compile("<html><head><title>{title}</title></head>" ..
	    "<body><h1>{title}</h1>{body}<p>{user}, {count}</p></body></html>"),
	item = compile("<li><a href='/{word}'>{word}</a></li>"),
	list = compile("<ul>{items}</ul>"),
}

local escapes = { ["<"] = "&lt;", [">"] = "&gt;", ["&"] = "&amp;" }
local function escape(s)
	return (s:gsub("[<>&]", escapes))
end

-- What a careless application leaves for the next request.
count = 0
last_user = ""

function handle(path, user)
	count = count + 1
	local before = last_user
	last_user = user
	local items = {}
	for _, w in ipairs(index[path:sub(2, 2)] or {}) do
		items[#items + 1] = templates.item({ word = escape(w) })
	end
	return templates.page({
		title = escape(path),
		body = templates.list({ items = table.concat(items) }),
		user = escape(user) .. before, count = count,
	})
end
