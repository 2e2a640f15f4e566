//! What expressions cost, which decides what Kubernetes refuses.

use serde_json::json;

use super::super::{COST_MAX, Error, Program, Shape, Type, Value};
use crate::schema::Schema;

#[test]
fn costs_are_those_of_kubernetes() {
    let text = || json!({"type": "string"});
    let numbers = json!({"type": "array", "items": {"type": "integer"}});
    let rings =
        json!({"type": "array", "items": {"type": "object", "properties": {"k": text(), "v": text(), "w": text()}}});
    let schema = json!({"type": "object", "properties": {"x": {"type": "object", "properties": {
        "n": {"type": "integer"}, "s": text(), "l": numbers, "m": {"type": "object", "additionalProperties": {"type": "integer"}},
        "r": rings, "o": {"type": "object", "properties": {"f": text(), "g": text()}}, "q": text(), "e": text(),
    }}}});
    let schema = Schema::compile(&schema).expect("a schema");
    let shape = Shape::of(schema.root().property("x").expect("a property"));
    let object = json!({
        "n": 5, "s": "Rook takes 👑", "l": [1, 1, 2, 2, 3, 3, 4, 5], "m": {"b": 1, "d": 2}, "q": "20", "e": "enum",
        "r": [{"k": "a1", "v": "b1"}, {"k": "a2", "v": "b2"}, {"k": "a3", "v": "b3", "w": "z"}], "o": {"f": "a"},
    });
    let value = Value::view(&object, shape).expect("a value");
    for (source, cost) in [
        // Names and fields cost one each, constants nothing, operators one, texts by their length.
        ("self.n == 5", 3),
        ("5 < int(10.0)", 1),
        ("double(self.n) < 10.0", 4),
        ("type(self.n) == int", 4),
        ("self.s == self.s", 6),
        ("self.e in ['enum', 'other']", 2),
        ("has(self.n) && has(self.s)", 2),
        ("has(self.o.f)", 2),
        ("!has(self.o.g)", 3),
        ("self.o.?f == optional.of('a')", 5),
        ("self.o.?g == optional.none()", 4),
        ("self.o.?f.orValue('v') == 'a'", 4),
        ("optional.of('a').optMap(v, v == 'value').hasValue()", 8),
        ("optional.none().or(optional.of('a')).hasValue()", 3),
        // Texts.
        ("self.s.startsWith('Rook')", 4),
        ("self.s.matches('^[^0-9]*$')", 8),
        ("self.s.charAt(3) == 'k'", 4),
        ("self.s.indexOf('o') == 1", 4),
        ("self.s.replace(' ', 'x') == 'Rookxtakesx👑'", 7),
        ("self.s.split(' ') == ['Rook', 'takes', '👑']", 6),
        ("self.s.substring(4, 10).trim() == 'takes'", 6),
        ("self.s.lowerAscii() == self.s.lowerAscii()", 10),
        ("'%d %s'.format([1, 'abc']) == '1 abc'", 2),
        // Lists and maps.
        ("2 in self.l", 10),
        ("'b' in self.m", 3),
        ("self.l + [4, 5] == [1]", 4),
        ("self.r[0] == self.r[1]", 7),
        ("self.r[0].k == 'a1'", 5),
        ("[self.n, self.n] == [5, 5]", 15),
        ("sets.contains(self.l, [1])", 11),
        ("self.l.all(e, e > 0)", 43),
        ("self.l.exists(e, e > 2)", 36),
        ("self.l.exists_one(e, e > 4)", 22),
        ("size(self.l.filter(e, e % 2 == 0)) == 3", 68),
        ("self.l.map(e, e * 20).filter(e, e > 50).exists(e, e == 60)", 194),
        ("self.m.all(k, self.m[k] > 0)", 17),
        ("!self.m.exists(k, v, v == 3)", 16),
        ("self.m.existsOne(k, v, v == 2)", 10),
        ("self.m.transformMap(k, v, v + 1).size() == 2", 15),
        ("self.m.transformMapEntry(k, v, {k + '2': v + 1}).size() == 2", 77),
        ("self.l.transformList(i, e, e > 2, e * 2).size() > 0", 77),
        ("self.r.exists(m, m.w == 'z')", 24),
        ("self.r.exists(m, has(m.w) && m.w == 'z')", 21),
        ("self.l.isSorted()", 10),
        ("self.l.sum() == 21", 11),
        ("lists.range(4) == [0, 1, 2, 3]", 16),
        ("[4, 3, 2, 1].sort() == [1, 2, 3, 4]", 44),
        ("['d', 'a', 'b', 'c'].sort() == ['a', 'b', 'c', 'd']", 45),
        ("[-3, 1, -5, -2, 4].sortBy(e, -(e * e)) == [-5, 4, -3, -2, 1]", 145),
        ("[[1], [1], [2]].distinct() == [[1], [2]]", 30),
        // Libraries.
        ("isQuantity(self.q)", 3),
        ("quantity('50k').sub(20) == quantity('49980')", 4),
        ("cidr('192.168.0.0/24').containsIP('192.168.0.1')", 5),
    ] {
        let type_ = Type::of(shape).expect("a type");
        let (program, _) = Program::compile(source, &[("self", type_)]).unwrap_or_else(|error| panic!("{error}"));
        let outcome = program.eval(std::slice::from_ref(&value), COST_MAX);
        assert_eq!(outcome.cost, cost, "{source} is {:?}", outcome.result);
    }
}

#[test]
fn what_costs_too_much_is_stopped() {
    let spent = |source: &str| {
        let (program, _) = Program::compile(source, &[]).unwrap_or_else(|error| panic!("{error}"));
        let outcome = program.eval(&[], COST_MAX);
        assert!(matches!(outcome.result, Err(Error::Cost)), "{source}: {:?}", outcome.result);
    };
    let doubled = |start: &str, step: &str| format!("{start}{}", step.repeat(60));
    // Each of these doubles, sixty times over.
    spent(&format!("{}.size() > 0", doubled("['ab']", ".map(a, a + a)")));
    spent(&format!("{}.size() > 0", doubled("[[1]]", ".map(a, a + a)")));
    spent(&format!("{}.size() > 0", doubled("[b'ab']", ".map(a, a + a)")));
    // Little is made, but what is compared is endless.
    let nested = doubled("[dyn(1)]", ".map(a, dyn([a, a]))");
    spent(&format!("{nested} == {nested}"));
    spent(&format!("'%s'.format([{nested}]) == ''"));
    spent(&format!("{nested} in [{nested}]"));
    spent("lists.range(3000).map(a, lists.range(3000).map(b, a + b)).size() > 0");
    let long = format!("'{}'", "y".repeat(900));
    spent(&format!("lists.range(1000).map(a, {long}).join('').replace('', {long}).size() > 0"));
    spent("lists.range(2000).all(a, 'a'.matches('(a{50}){' + string(a) + '}') || true)");
}
