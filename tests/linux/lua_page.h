/*
 * lua_page.h - Debian's Lua and the application page.lua: started, and asked.
 */
#ifndef LINUX_LUA_PAGE_H
#define LINUX_LUA_PAGE_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MAX	8192

/* An interpreter with the application in it, warmed up. */
static inline lua_State *
page_start(void)
{
	lua_State *l = luaL_newstate();

	if (l == NULL)
		return NULL;
	luaL_openlibs(l);
	if (luaL_dofile(l, "/test/linux/page.lua") != LUA_OK) {
		printf("# %s\n", lua_tostring(l, -1));
		exit(1);
	}
	return l;
}

/* One request: the length of the page; 0: something is wrong. */
static inline size_t
page_ask(lua_State *l, const char *path, const char *user, char *to)
{
	const char *s;
	size_t n;

	lua_getglobal(l, "handle");
	lua_pushstring(l, path);
	lua_pushstring(l, user);
	if (lua_pcall(l, 2, 1, 0) != LUA_OK)
		return 0;
	s = lua_tolstring(l, -1, &n);
	if (s == NULL || n >= PAGE_MAX)
		return 0;
	memcpy(to, s, n);
	to[n] = '\0';
	lua_pop(l, 1);
	return n;
}

/* Request i of a made-up day. */
static inline void
page_request(unsigned i, char path[16], char user[16])
{
	snprintf(path, 16, "/%c", 'a' + i * 7 % 26);
	snprintf(user, 16, "user%u", i);
}

#endif
