//! From tokens to an expression. Grammar: <https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax>
//!
//! A parser of our own, because the crate `cel` (0.15) cannot be shown expressions from outside: a hundred nested
//! brackets overflow its stack and end the process, and it brings a parser generator and a database of time zones into
//! every build. What costs most there is cheap here: the grammar is small.

use super::ast::{Entry, Expr, Item, Kind, Literal};
use super::error::CompileError;
use super::lexer::{Spanned, Token, tokens};
use super::macros;

/// How deep an expression may be nested, as in CEL for Go.
pub(super) const DEPTH_MAX: usize = 250;

/// How long an expression may be, in characters, as in CEL for Go.
const LENGTH_MAX: usize = 100_000;

/// Words that cannot be names.
const RESERVED: [&str; 21] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "package",
    "namespace",
    "null",
    "return",
    "true",
    "var",
    "void",
    "while",
];

/// Operators on two values, by how tightly they bind.
const OPERATORS: [&[&str]; 5] =
    [&["||"], &["&&"], &["==", "!=", "<=", ">=", "<", ">", "in"], &["+", "-"], &["*", "/", "%"]];

/// Reads a whole expression.
///
/// # Errors
/// The first thing that is not as the grammar has it, or that is nested too deeply.
pub(super) fn parse(source: &str) -> Result<Expr, CompileError> {
    let length = source.chars().count();
    if length > LENGTH_MAX {
        let problem = format!("expression code point size exceeds limit: size: {length}, limit {LENGTH_MAX}");
        return Err(CompileError::new("", 0, problem));
    }
    let mut parser = Parser { source, tokens: tokens(source)?, next: 0, depth: 0 };
    let expr = parser.expr()?;
    match parser.peek() {
        Token::End => Ok(expr),
        _ => Err(parser.unexpected()),
    }
}

pub(super) struct Parser<'a> {
    source: &'a str,
    tokens: Vec<Spanned>,
    next: usize,
    depth: usize,
}

type Parsed = Result<Expr, CompileError>;

impl Parser<'_> {
    pub(super) fn error(&self, at: usize, problem: impl Into<String>) -> CompileError {
        CompileError::new(self.source, at, problem)
    }

    /// An expression of which the parts are known.
    pub(super) fn make(&self, at: usize, kind: Kind, depth: usize) -> Parsed {
        let depth = depth + 1;
        if depth > DEPTH_MAX {
            return Err(self.too_deep(at));
        }
        Ok(Expr { at, depth, kind: Box::new(kind) })
    }

    fn too_deep(&self, at: usize) -> CompileError {
        self.error(at, format!("expression recursion limit exceeded: {DEPTH_MAX}"))
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.next].1
    }

    fn at(&self) -> usize {
        self.tokens[self.next].0
    }

    fn advance(&mut self) {
        self.next = (self.next + 1).min(self.tokens.len() - 1);
    }

    fn is(&self, mark: &str) -> bool {
        matches!(self.peek(), Token::Mark(found) if *found == mark)
    }

    fn take(&mut self, mark: &str) -> bool {
        let found = self.is(mark);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, mark: &str) -> Result<(), CompileError> {
        if self.take(mark) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn unexpected(&self) -> CompileError {
        let found = match self.peek() {
            Token::End => "end of expression".to_owned(),
            Token::Mark(mark) => format!("'{mark}'"),
            Token::Ident(name) => format!("'{name}'"),
            Token::Int(..) | Token::Uint(_) | Token::Double(_) => "number".to_owned(),
            Token::Text(_) | Token::Bytes(_) => "string".to_owned(),
        };
        self.error(self.at(), format!("Syntax error: unexpected {found}"))
    }

    fn expr(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.too_deep(self.at()));
        }
        let condition = self.operators(0)?;
        let expr = if self.is("?") { self.choice(condition) } else { Ok(condition) };
        self.depth -= 1;
        expr
    }

    fn choice(&mut self, condition: Expr) -> Parsed {
        let at = self.at();
        self.advance();
        let yes = self.operators(0)?;
        self.expect(":")?;
        let no = self.expr()?;
        let depth = condition.depth.max(yes.depth).max(no.depth);
        self.make(at, Kind::If([condition, yes, no]), depth)
    }

    /// The operator that comes next, and how tightly it binds.
    fn operator(&self) -> Option<(&'static str, usize)> {
        let found = match self.peek() {
            Token::Mark(mark) => mark,
            Token::Ident(name) if name == "in" => "in",
            _ => return None,
        };
        let level = OPERATORS.iter().position(|level| level.contains(&found))?;
        Some((found, level))
    }

    /// Values between operators that bind at least this tightly. One loop for all operators rather than a function for
    /// each level, so that a bracket takes few frames.
    fn operators(&mut self, level_min: usize) -> Parsed {
        let mut left = self.unary()?;
        while let Some((mark, level)) = self.operator().filter(|(_, level)| *level >= level_min) {
            let at = self.at();
            self.advance();
            let right = self.operators(level + 1)?;
            left = self.join(at, mark, left, right)?;
        }
        Ok(left)
    }

    /// Terms of `&&` and `||` are put beside each other, those of other operators nest.
    fn join(&self, at: usize, mark: &'static str, mut left: Expr, right: Expr) -> Parsed {
        if let (Kind::Or(terms), "||") | (Kind::And(terms), "&&") = (&mut *left.kind, mark) {
            let depth = (left.depth - 1).max(right.depth);
            terms.push(right);
            return self.make(left.at, *left.kind, depth);
        }
        let depth = left.depth.max(right.depth);
        match mark {
            "||" => self.make(at, Kind::Or(vec![left, right]), depth),
            "&&" => self.make(at, Kind::And(vec![left, right]), depth),
            mark => self.call(at, &format!("_{mark}_"), None, vec![left, right], depth),
        }
    }

    fn call(&self, at: usize, function: &str, target: Option<Expr>, args: Vec<Expr>, depth: usize) -> Parsed {
        self.make(at, Kind::Call { function: function.to_owned(), target, args }, depth)
    }

    /// Signs before a value; two of one kind take each other away.
    fn unary(&mut self) -> Parsed {
        let at = self.at();
        let mark = if self.is("!") { "!" } else { "-" };
        let mut count = 0;
        while self.take(mark) {
            count += 1;
        }
        let is_number = matches!(self.peek(), Token::Int(..) | Token::Double(_));
        let negative = mark == "-" && count > 0 && is_number;
        if negative {
            count -= 1;
        }
        let value = self.member(negative, at)?;
        match count % 2 {
            0 => Ok(value),
            _ => {
                let depth = value.depth;
                self.call(at, if mark == "!" { "!_" } else { "-_" }, None, vec![value], depth)
            }
        }
    }

    fn member(&mut self, negative: bool, start: usize) -> Parsed {
        let mut value = self.primary(negative, start)?;
        loop {
            let at = self.at();
            if self.take(".") {
                value = self.select(at, value)?;
            } else if self.take("[") {
                let optional = self.take("?");
                let index = self.expr()?;
                self.expect("]")?;
                let depth = value.depth.max(index.depth);
                value = self.make(at, Kind::Index { operand: value, index, optional }, depth)?;
            } else {
                return Ok(value);
            }
        }
    }

    /// What follows a dot.
    fn select(&mut self, at: usize, operand: Expr) -> Parsed {
        let optional = self.take("?");
        let field = match self.peek() {
            Token::Ident(name) if !matches!(name.as_str(), "true" | "false" | "null" | "in") => name.clone(),
            _ => return Err(self.unexpected()),
        };
        self.advance();
        let call = self.at();
        if !optional && self.take("(") {
            let args = self.args()?;
            return macros::expand_method(self, call, operand, field, args);
        }
        let depth = operand.depth;
        self.make(at, Kind::Select { operand, field, optional }, depth)
    }

    /// Up to and with the closing bracket.
    fn args(&mut self) -> Result<Vec<Expr>, CompileError> {
        let mut args = Vec::new();
        if self.take(")") {
            return Ok(args);
        }
        loop {
            args.push(self.expr()?);
            if !self.take(",") {
                self.expect(")")?;
                return Ok(args);
            }
        }
    }

    fn primary(&mut self, negative: bool, start: usize) -> Parsed {
        let at = self.at();
        match self.peek().clone() {
            Token::Mark("(") => {
                self.advance();
                let inner = self.expr()?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Mark("[") => {
                self.advance();
                self.list(at)
            }
            Token::Mark("{") => {
                self.advance();
                self.map(at)
            }
            Token::Mark(".") => {
                self.advance();
                self.name(at)
            }
            Token::Ident(_) => self.name(at),
            token => {
                let at = if negative { start } else { at };
                let literal = self.literal(token, negative, at)?;
                self.advance();
                self.make(at, Kind::Literal(literal), 0)
            }
        }
    }

    fn literal(&self, token: Token, negative: bool, at: usize) -> Result<Literal, CompileError> {
        Ok(match token {
            Token::Int(digits, hex) => {
                let sign = if negative { "-" } else { "" };
                let number = i64::from_str_radix(&format!("{sign}{digits}"), if hex { 16 } else { 10 });
                Literal::Int(number.map_err(|_| self.error(at, "Syntax error: invalid int literal"))?)
            }
            Token::Uint(number) => Literal::Uint(number),
            Token::Double(number) => Literal::Double(if negative { -number } else { number }),
            Token::Text(text) => Literal::Text(text.into()),
            Token::Bytes(bytes) => Literal::Bytes(bytes.into()),
            _ => return Err(self.unexpected()),
        })
    }

    /// A word: a constant, a name, or a function.
    fn name(&mut self, at: usize) -> Parsed {
        let Token::Ident(name) = self.peek().clone() else { return Err(self.unexpected()) };
        let constant = match name.as_str() {
            "true" => Some(Literal::Bool(true)),
            "false" => Some(Literal::Bool(false)),
            "null" => Some(Literal::Null),
            name if RESERVED.contains(&name) => return Err(self.error(at, format!("reserved identifier: {name}"))),
            _ => None,
        };
        self.advance();
        if let Some(literal) = constant {
            return self.make(at, Kind::Literal(literal), 0);
        }
        let call = self.at();
        if self.take("(") {
            let args = self.args()?;
            return macros::expand_function(self, call, name, args);
        }
        self.make(at, Kind::Ident(name), 0)
    }

    fn list(&mut self, at: usize) -> Parsed {
        let mut items = Vec::new();
        let mut depth = 0;
        while !self.take("]") {
            let optional = self.take("?");
            let value = self.expr()?;
            depth = depth.max(value.depth);
            items.push(Item { value, optional });
            if !self.take(",") {
                self.expect("]")?;
                break;
            }
        }
        self.make(at, Kind::List(items), depth)
    }

    fn map(&mut self, at: usize) -> Parsed {
        let mut entries = Vec::new();
        let mut depth = 0;
        while !self.take("}") {
            let optional = self.take("?");
            let key = self.expr()?;
            self.expect(":")?;
            let value = self.expr()?;
            depth = depth.max(key.depth).max(value.depth);
            entries.push(Entry { key, value, optional });
            if !self.take(",") {
                self.expect("}")?;
                break;
            }
        }
        self.make(at, Kind::Map(entries), depth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes an expression with all its brackets.
    fn text(expr: &Expr) -> String {
        let all = |exprs: &[Expr]| exprs.iter().map(text).collect::<Vec<_>>().join(", ");
        let mark = |optional: bool| if optional { "?" } else { "" };
        match &*expr.kind {
            Kind::Literal(literal) => match literal {
                Literal::Null => "null".into(),
                Literal::Bool(truth) => truth.to_string(),
                Literal::Int(number) => number.to_string(),
                Literal::Uint(number) => format!("{number}u"),
                Literal::Double(number) => format!("{number:?}"),
                Literal::Text(text) => format!("{text:?}"),
                Literal::Bytes(bytes) => format!("b{bytes:?}"),
            },
            Kind::Ident(name) => name.clone(),
            Kind::Select { operand, field, optional } => format!("{}.{}{field}", text(operand), mark(*optional)),
            Kind::Has { operand, field } => format!("has({}.{field})", text(operand)),
            Kind::Index { operand, index, optional } => {
                format!("{}[{}{}]", text(operand), mark(*optional), text(index))
            }
            Kind::Call { function, target: None, args } if function.starts_with('_') && args.len() == 2 => {
                format!("({} {} {})", text(&args[0]), function.trim_matches('_'), text(&args[1]))
            }
            Kind::Call { function, target: None, args } => format!("{function}({})", all(args)),
            Kind::Call { function, target: Some(target), args } => {
                format!("{}.{function}({})", text(target), all(args))
            }
            Kind::And(terms) => format!("and({})", all(terms)),
            Kind::Or(terms) => format!("or({})", all(terms)),
            Kind::If(parts) => format!("({} ? {} : {})", text(&parts[0]), text(&parts[1]), text(&parts[2])),
            Kind::List(items) => {
                let items = items.iter().map(|item| format!("{}{}", mark(item.optional), text(&item.value)));
                format!("[{}]", items.collect::<Vec<_>>().join(", "))
            }
            Kind::Map(entries) => {
                let entries = entries
                    .iter()
                    .map(|entry| format!("{}{}: {}", mark(entry.optional), text(&entry.key), text(&entry.value)));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }
            Kind::Fold(fold) => {
                let parts = [fold.filter.as_ref(), Some(&fold.body)];
                let parts: Vec<_> = parts.into_iter().flatten().map(text).collect();
                format!("{:?}({}; {}; {})", fold.kind, text(&fold.range), fold.variables.join(", "), parts.join("; "))
            }
            Kind::OptMap { target, variable, body, flat } => {
                format!("optMap({}; {variable}; {}; {flat})", text(target), text(body))
            }
            Kind::SortBy { target, variable, key } => format!("sortBy({}; {variable}; {})", text(target), text(key)),
        }
    }

    #[track_caller]
    fn check(source: &str, expect: &str) {
        let expr = parse(source).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(text(&expr), expect, "{source}");
    }

    #[track_caller]
    fn refuses(source: &str, expect: &str) {
        let error = parse(source).expect_err("an expression that is refused");
        assert_eq!(format!("{}: {}", error.column, error.problem), expect, "{source}");
    }

    #[test]
    fn operators_bind_as_the_language_says() {
        check("1 + 2 * 3 - 4", "((1 + (2 * 3)) - 4)");
        check("a && b || c && d || e", "or(and(a, b), and(c, d), e)");
        check("a < b == c in d", "(((a < b) == c) in d)");
        check("a ? b : c ? d : e", "(a ? b : (c ? d : e))");
        check("!a && !!b && !!!c", "and(!_(a), b, !_(c))");
        check("-a - -5 - --5 - -2.5", "(((-_(a) - -5) - -_(-5)) - -2.5)");
        check("(a || b) && c", "and(or(a, b), c)");
        check("-9223372036854775808", "-9223372036854775808");
        check("a.b.c[d].e(f, g).h", "a.b.c[d].e(f, g).h");
        check("a.?b[?c].orValue(d)", "a.?b[?c].orValue(d)");
        check("[1, ?a, 'b',]", r#"[1, ?a, "b"]"#);
        check("{'a': 1, ?b: c,}", r#"{"a": 1, ?b: c}"#);
        check("[] + {}.size()", "([] + {}.size())");
        check(".a.b(null, true)", "a.b(null, true)");
        check("self.namespace.true_", "self.namespace.true_");
    }

    #[test]
    fn macros_are_expanded() {
        check("has(a.b.c)", "has(a.b.c)");
        check("a.all(x, x > 1)", "All(a; x; (x > 1))");
        check("a.exists(i, x, x > i)", "Exists(a; i, x; (x > i))");
        check("a.exists_one(x, x)", "ExistsOne(a; x; x)");
        check("a.existsOne(k, v, v)", "ExistsOne(a; k, v; v)");
        check("a.map(x, x + 1)", "List(a; x; (x + 1))");
        check("a.map(x, x > 1, x + 1)", "List(a; x; (x > 1); (x + 1))");
        check("a.filter(x, x > 1)", "List(a; x; (x > 1); x)");
        check("a.transformList(i, x, i, x)", "List(a; i, x; i; x)");
        check("a.transformMap(k, v, v + 1)", "Map(a; k, v; (v + 1))");
        check("a.transformMapEntry(k, v, {v: k})", "Entries(a; k, v; {v: k})");
        check("a.optMap(x, x + 1)", "optMap(a; x; (x + 1); false)");
        check("a.optFlatMap(x, x.?b)", "optMap(a; x; x.?b; true)");
        check("a.all(x)", "a.all(x)");
        check("all(x, x)", "all(x, x)");
    }

    #[test]
    fn what_is_not_an_expression_is_refused() {
        refuses("", "1: Syntax error: unexpected end of expression");
        refuses("a +", "4: Syntax error: unexpected end of expression");
        refuses("a b", "3: Syntax error: unexpected 'b'");
        refuses("(a", "3: Syntax error: unexpected end of expression");
        refuses("a.1", "2: Syntax error: unexpected number");
        refuses("a ? b", "6: Syntax error: unexpected end of expression");
        refuses("!-a", "2: Syntax error: unexpected '-'");
        refuses("namespace", "1: reserved identifier: namespace");
        refuses("9223372036854775808", "1: Syntax error: invalid int literal");
        refuses("has(a)", "5: invalid argument to has() macro");
        refuses("a.all(1, true)", "7: argument must be a simple name");
        refuses("a.map(__result__, 1)", "7: iteration variable overwrites accumulator variable");
        refuses("Bird{name: 'a'}", "5: Syntax error: unexpected '{'");
    }

    #[test]
    fn deep_nesting_is_refused() {
        let thread = std::thread::Builder::new().stack_size(1 << 20);
        let deep = |text: &str, close: &str, count: usize| format!("{}a{}", text.repeat(count), close.repeat(count));
        let test = move || {
            for (open, close) in [
                ("(", ")"),
                ("[", "]"),
                ("{1: ", "}"),
                ("f(", ")"),
                ("a.b(", ")"),
                ("a[", "]"),
                ("a ? b : ", ""),
                ("a.all(a, ", ")"),
                ("1 + ", ""),
                ("", " == 1"),
                ("", ".b"),
                ("", "[0]"),
            ] {
                assert!(parse(&deep(open, close, 80)).is_ok(), "{open}{close}");
                for count in [260, 3000] {
                    let error = parse(&deep(open, close, count)).expect_err("too deep");
                    assert_eq!(error.problem, "expression recursion limit exceeded: 250", "{open}{close}");
                }
            }
            for open in ["!", "-", "a && ", "a || "] {
                assert!(parse(&deep(open, "", 10_000)).is_ok(), "{open}");
            }
            let error = parse(&" ".repeat(LENGTH_MAX + 1)).expect_err("too long");
            assert_eq!(error.problem, "expression code point size exceeds limit: size: 100001, limit 100000");
        };
        thread.spawn(test).expect("a thread").join().expect("no overflow");
    }
}
