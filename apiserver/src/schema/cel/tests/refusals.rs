//! What can be said against an expression before it is evaluated.

use super::refuses;

#[test]
fn types_are_checked() {
    refuses("1 + 'a'", "found no matching overload for '_+_' applied to '(int, string)'");
    refuses("1 == 'a'", "found no matching overload for '_==_' applied to '(int, string)'");
    refuses("1 == 1.0", "found no matching overload for '_==_' applied to '(int, double)'");
    refuses("'a' == null", "found no matching overload for '_==_' applied to '(string, null)'");
    refuses("1 && true", "found no matching overload for '_&&_' applied to '(int, bool)'");
    refuses("true || 1", "found no matching overload for '_||_' applied to '(bool, int)'");
    refuses("!1", "found no matching overload for '!_' applied to '(int)'");
    refuses("-'a'", "found no matching overload for '-_' applied to '(string)'");
    refuses("1 ? 2 : 3", "found no matching overload for '_?_:_' applied to '(int, int, int)'");
    refuses("true ? 1 : 'a'", "found no matching overload for '_?_:_' applied to '(bool, int, string)'");
    refuses("[1]['a']", "found no matching overload for '_[_]' applied to '(list(int), string)'");
    refuses("{'a': 1}[1]", "found no matching overload for '_[_]' applied to '(map(string, int), int)'");
    refuses("1[0]", "found no matching overload for '_[_]' applied to '(int, int)'");
    refuses("1 in 'a'", "found no matching overload for '_in_' applied to '(int, string)'");
    refuses("'a' in [1]", "found no matching overload for '_in_' applied to '(string, list(int))'");
    refuses("'a'.size(1)", "found no matching overload for 'size' applied to 'string.(int)'");
    refuses("size(1)", "found no matching overload for 'size' applied to '(int)'");
    refuses("[1, 'a']", "expected type 'int' but found 'string'");
    refuses("{'a': 1, 'b': 'c'}", "expected type 'int' but found 'string'");
    refuses("{'a': 1, 2: 3}", "expected type 'string' but found 'int'");
    refuses("[?1]", "expected type 'optional_type(int)' but found 'int'");
    refuses("'a'.b", "type 'string' does not support field selection");
    refuses("[1].all(x, x)", "found no matching overload for '_&&_' applied to '(bool, int)'");
    refuses("[1].filter(x, 'a')", "found no matching overload for '_?_:_' applied to '(string");
    refuses(
        "1.map(x, x)",
        "expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)",
    );
    refuses("optional.of(1).optMap(x, x + 'a')", "found no matching overload for '_+_'");
    refuses("optional.of(1) + 1", "found no matching overload for '_+_' applied to '(optional_type(int), int)'");
    refuses("[[1]].sort()", "found no matching overload for 'sort' applied to 'list(list(int)).()'");
    refuses("[1].transformMapEntry(i, v, [v])", "found no matching overload for 'cel.@mapInsert'");
}

#[test]
fn names_must_be_known() {
    refuses("a", "undeclared reference to 'a' (in container '')");
    refuses("a.b.c", "undeclared reference to 'a' (in container '')");
    refuses("f(1)", "undeclared reference to 'f' (in container '')");
    refuses("'a'.f()", "undeclared reference to 'f' (in container '')");
    refuses("a.f()", "undeclared reference to 'a' (in container '')");
    refuses("startsWith('a', 'b')", "undeclared reference to 'startsWith' (in container '')");
    refuses("[1].map(x, y)", "undeclared reference to 'y' (in container '')");
    refuses("[1].map(x, x) == [x]", "undeclared reference to 'x' (in container '')");
    refuses("optional.some(1)", "undeclared reference to 'optional' (in container '')");
    refuses("math.greatest(1, 2)", "undeclared reference to 'math' (in container '')");
}

#[test]
fn constants_are_looked_at() {
    refuses("'a'.matches('(')", "invalid matches argument");
    refuses("'a'.find('x++')", "invalid find argument");
    refuses("duration('soon')", "invalid duration argument");
    refuses("timestamp('today')", "invalid timestamp argument");
    refuses("timestamp(-62135596801)", "invalid timestamp argument");
    refuses("'%d'.format([1, 2])", "too many arguments supplied to string.format (expected 1, got 2)");
}
