//! Expressions that nobody would write.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

use super::super::{Program, Shape, Type, Value};

/// How many expressions are made.
const COUNT: usize = 4_000;

const NAMES: [&str; 6] = ["v", "w", "x", "y", "int", "optional"];
const LITERALS: [&str; 22] = [
    "0",
    "1",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "0u",
    "7u",
    "1.5",
    "-0.0",
    "1e300",
    "''",
    "'é👑'",
    "'a%sb%.3f'",
    "b'\\xff'",
    "true",
    "false",
    "null",
    "[]",
    "{}",
    "duration('1h')",
    "timestamp('2024-02-29T00:00:00Z')",
    "'10.0.0.0/8'",
];
const MARKS: [&str; 14] = ["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "in"];
const METHODS: [&str; 34] = [
    "size",
    "startsWith",
    "matches",
    "contains",
    "indexOf",
    "lastIndexOf",
    "charAt",
    "substring",
    "replace",
    "split",
    "join",
    "format",
    "find",
    "findAll",
    "trim",
    "min",
    "max",
    "sum",
    "isSorted",
    "sort",
    "reverse",
    "distinct",
    "slice",
    "flatten",
    "first",
    "hasValue",
    "value",
    "orValue",
    "or",
    "getHours",
    "getFullYear",
    "containsIP",
    "validate",
    "add",
];
const FUNCTIONS: [&str; 22] = [
    "size",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "bool",
    "type",
    "dyn",
    "timestamp",
    "duration",
    "quantity",
    "ip",
    "cidr",
    "url",
    "semver",
    "isIP",
    "lists.range",
    "sets.contains",
    "sets.equivalent",
    "optional.of",
    "matches",
];
const MACROS: [&str; 11] = [
    "all",
    "exists",
    "exists_one",
    "map",
    "filter",
    "transformList",
    "transformMap",
    "transformMapEntry",
    "sortBy",
    "optMap",
    "optFlatMap",
];

struct Grammar(StdRng);

impl Grammar {
    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.0.random_range(0..of.len())]
    }

    fn args(&mut self, depth: usize) -> String {
        let count = self.0.random_range(0..4);
        let args: Vec<_> = (0..count).map(|_| self.expr(depth)).collect();
        args.join(", ")
    }

    /// Most are wrapped so that their types are not known in advance, and more is left to the evaluation.
    fn expr(&mut self, depth: usize) -> String {
        let inner = self.inner(depth);
        if self.0.random_bool(0.8) { format!("dyn({inner})") } else { inner }
    }

    fn inner(&mut self, depth: usize) -> String {
        if depth == 0 {
            let literal = self.0.random_bool(0.6);
            return if literal { self.one(&LITERALS) } else { self.one(&NAMES) }.to_owned();
        }
        let depth = depth - 1;
        match self.0.random_range(0..14) {
            0..3 => format!("({} {} {})", self.expr(depth), self.one(&MARKS), self.expr(depth)),
            3 => format!("{}{}", self.one(&["!", "-", "--", "!!"]), self.expr(depth)),
            4 => format!("({} ? {} : {})", self.expr(depth), self.expr(depth), self.expr(depth)),
            5 => format!("[{}]", self.args(depth)),
            6 => format!("{{{}: {}, {}: {}}}", self.expr(depth), self.expr(depth), self.expr(depth), self.expr(depth)),
            7 => format!("{}.{}", self.expr(depth), self.one(&["a", "b", "?a", "namespace", "x__dash__y"])),
            8 => format!("{}[{}{}]", self.expr(depth), self.one(&["", "?"]), self.expr(depth)),
            9 | 10 => format!("{}.{}({})", self.expr(depth), self.one(&METHODS), self.args(depth)),
            11 => format!("{}({})", self.one(&FUNCTIONS), self.args(depth)),
            _ => {
                let names = self.one(&["x", "x, y"]);
                format!("{}.{}({names}, {})", self.expr(depth), self.one(&MACROS), self.expr(depth))
            }
        }
    }
}

#[test]
fn no_expression_does_harm() {
    let object = json!({
        "a": {"b": [1, 2.5, "x", null, true], "namespace": "n"}, "b": [[1], [2, 3], []], "x-y": "é",
    });
    let variables = [("v", Type::Dyn), ("w", Type::list(Type::Dyn))];
    let value = Value::view(&object, Shape::Free).expect("a value");
    let list = Value::view(&object["b"], Shape::Free).expect("a list");
    let values = [value, list];
    let mut grammar = Grammar(StdRng::seed_from_u64(36));
    let (mut compiled, mut evaluated) = (0, 0);
    for _ in 0..COUNT {
        let depth = grammar.0.random_range(1..6);
        let source = grammar.expr(depth);
        let Ok((program, _)) = Program::compile(&source, &variables) else { continue };
        compiled += 1;
        let runs = [(); 2].map(|()| {
            let outcome = program.eval(&values, 20_000);
            (format!("{:?}", outcome.result), outcome.cost)
        });
        assert_eq!(runs[0], runs[1], "{source}");
        evaluated += usize::from(runs[0].0.starts_with("Ok"));
    }
    assert!(compiled > COUNT / 20, "{compiled} expressions are too few");
    assert!(evaluated > compiled / 10, "{evaluated} of {compiled} are too few");
}

#[test]
fn no_text_does_harm() {
    let mut random = StdRng::seed_from_u64(37);
    let words = [
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ".",
        "?",
        ":",
        ",",
        "'",
        "\"",
        "\\",
        "r'",
        "b'",
        "'''",
        "0x",
        "1e",
        "1u",
        "..",
        "a",
        "in",
        "has(",
        ".all(",
        "\n",
        "//",
        "é",
        "\u{0}",
        "-",
        "!",
        "&&",
        "||",
        "==",
        "self",
        "9".repeat(30).leak(),
    ];
    for _ in 0..COUNT {
        let count = random.random_range(0..12);
        let source: String = (0..count).map(|_| words[random.random_range(0..words.len())]).collect();
        if let Err(error) = Program::compile(&source, &[("a", Type::Dyn)]) {
            assert!(error.line > 0 && error.column > 0 && !error.to_string().is_empty());
        }
    }
}

#[test]
fn deep_expressions_need_little_stack() {
    let test = || {
        for (open, inner, close) in [
            ("dyn(", "1", ")"),
            ("[", "1", "]"),
            ("{1: ", "1", "}"),
            ("(1 + ", "1", ")"),
            ("-(", "1", ")"),
            ("true ? 1 : ", "1", ""),
            ("[1].map(x, ", "1", ")"),
            ("optional.of(", "1", ")"),
            ("", "[1]", ".map(x, x)"),
            ("[1].sortBy(x, ", "1", ").size()"),
            ("", "{'a': dyn(1)}", ".?a"),
        ] {
            let source = format!("{}{inner}{}", open.repeat(120), close.repeat(120));
            if let Ok((program, _)) = Program::compile(&source, &[]) {
                let result = program.eval(&[], u64::MAX).result;
                drop((format!("{result:?}"), result));
            } else {
                panic!("{open}{close} cannot be nested");
            }
        }
    };
    // Half of what a thread of the server has.
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(test).expect("a thread");
    thread.join().expect("no overflow");
}
