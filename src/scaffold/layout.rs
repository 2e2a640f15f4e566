//! How rustfmt lays out the few lines whose length depends on names, so that a new project is formatted without it.

/// Lines are at most this long.
const WIDTH: usize = 100;

/// Arguments that take more go one to a line; rustfmt's `fn_call_width`.
const CALL_WIDTH: usize = 60;

/// Arguments of an attribute that take more go one to a line; rustfmt's `attr_fn_like_width`.
const ATTRIBUTE_WIDTH: usize = 70;

/// Chains of calls that take more go one to a line; rustfmt's `chain_width`.
const CHAIN_WIDTH: usize = 60;

/// `use prefix::{a, b};` at the start of a line. The items are sorted already.
pub fn use_items(prefix: &str, items: &[&str]) -> String {
    let one_line = match items {
        [item] => return format!("use {prefix}::{item};"),
        items => format!("use {prefix}::{{{}}};", items.join(", ")),
    };
    if one_line.len() <= WIDTH || format!("use {prefix}::{{").len() > WIDTH {
        return one_line;
    }
    let mut text = format!("use {prefix}::{{\n");
    let mut line = String::new();
    for item in items {
        if !line.is_empty() && "    ".len() + line.len() + " ".len() + item.len() + ",".len() > WIDTH {
            text.push_str(&format!("    {line}\n"));
            line.clear();
        }
        line.push_str(&format!("{}{item},", if line.is_empty() { "" } else { " " }));
    }
    text.push_str(&format!("    {line}\n}};"));
    text
}

/// `callee(arguments);` as a statement, indented by so many columns.
pub fn call(indent: usize, callee: &str, arguments: &[String]) -> String {
    let list = arguments.join(", ");
    let outer = " ".repeat(indent);
    let one_line = format!("{outer}{callee}({list});");
    let fits = one_line.len() <= WIDTH && (arguments.len() == 1 || list.len() <= CALL_WIDTH);
    let broken_fits = arguments.iter().all(|argument| indent + "    ,".len() + argument.len() <= WIDTH);
    if fits || !broken_fits {
        return one_line;
    }
    let lines: String = arguments.iter().map(|argument| format!("{outer}    {argument},\n")).collect();
    format!("{outer}{callee}(\n{lines}{outer});")
}

/// `receiver.method(argument).method(argument);` as a statement, indented by so many columns.
pub fn chain(indent: usize, receiver: &str, calls: &[(&str, String)]) -> String {
    let outer = " ".repeat(indent);
    if let [(method, argument)] = calls {
        return call(indent, &format!("{receiver}.{method}"), std::slice::from_ref(argument));
    }
    let links: Vec<String> = calls.iter().map(|(method, argument)| format!(".{method}({argument})")).collect();
    let one_line = format!("{receiver}{}", links.concat());
    if one_line.len() <= CHAIN_WIDTH && !one_line.contains('\n') {
        return format!("{outer}{one_line};");
    }
    // A receiver that is no longer than an indent stays on one line with the first call.
    let joined = receiver.len() <= "    ".len();
    let broken = |((method, argument), link): (&(&str, String), &String)| {
        let deeper = format!("{outer}    ");
        // A link that is too long is broken, if that makes it fit.
        let fits = deeper.len() + link.len() <= WIDTH || argument.contains('\n');
        if fits || deeper.len() + "    ,".len() + argument.len() > WIDTH {
            return format!("\n{deeper}{link}");
        }
        format!("\n{deeper}.{method}(\n{deeper}    {argument},\n{deeper})")
    };
    let text: String = calls.iter().zip(&links).map(broken).collect();
    let text = if joined { text.trim_start() } else { &text };
    format!("{outer}{receiver}{text};")
}

/// `receiver.link().link().await;` as a statement, indented by so many columns. The receiver is no longer than an indent.
pub fn await_chain(indent: usize, receiver: &str, links: &[String]) -> String {
    format!("{}{};", " ".repeat(indent), chain_text(indent, indent, receiver, links))
}

/// A chain of links that begins in a column of a statement which is indented by so many.
pub fn chain_text(indent: usize, column: usize, receiver: &str, links: &[String]) -> String {
    let one_line = format!("{receiver}{}", links.concat());
    if one_line.len() <= CHAIN_WIDTH && column + one_line.len() + ";".len() <= WIDTH {
        return one_line;
    }
    let deeper = format!("\n{}", " ".repeat(indent + 4));
    // A receiver that is no longer than an indent stays on one line with the first link.
    let joined = usize::from(receiver.len() <= "    ".len());
    let (first, rest) = links.split_at(joined.min(links.len()));
    let broken = |link: &String| {
        let fits = deeper.len() - 1 + link.len() <= WIDTH;
        match (fits, link.strip_suffix(')').and_then(|link| link.split_once('('))) {
            (false, Some((method, arguments))) if !arguments.is_empty() => {
                format!("{deeper}{method}({deeper}    {arguments},{deeper})")
            }
            _ => format!("{deeper}{link}"),
        }
    };
    format!("{receiver}{}{}", first.concat(), rest.iter().map(broken).collect::<String>())
}

/// `head.method().method()` as the argument of `.version(…)` in a broken [`chain`] that is indented by so many columns.
pub fn chain_argument(indent: usize, head: &str, links: &[String]) -> String {
    let one_line = format!("{head}{}", links.concat());
    let (outer, inner) = (" ".repeat(indent + 4), " ".repeat(indent + 8));
    // A single call is no chain yet: only the line's end is in its way.
    let is_chain = links.len() > 1;
    if links.is_empty() || is_chain && one_line.len() <= CHAIN_WIDTH {
        return one_line;
    }
    if !is_chain && outer.len() + ".version()".len() + one_line.len() <= WIDTH {
        return one_line;
    }
    if !is_chain && inner.len() + one_line.len() + ",".len() <= WIDTH {
        return format!("\n{inner}{one_line},\n{outer}");
    }
    // Where a text is so long that even a line of its own does not hold the call, the text alone gets one.
    if let ([link], false) = (links, is_chain)
        && inner.len() + "    ,".len() + link.len() > WIDTH
        && let Some((method, argument)) = link.strip_suffix(')').and_then(|link| link.split_once('('))
    {
        return format!("{head}{method}(\n{inner}{argument},\n{outer})");
    }
    let links: String = links.iter().map(|link| format!("\n{inner}    {link}")).collect();
    format!("\n{inner}{head}{links},\n{outer}")
}

/// `#[name(argument, argument)]` at the start of a line.
pub fn attribute(name: &str, arguments: &[String]) -> String {
    let list = arguments.join(", ");
    if list.len() <= ATTRIBUTE_WIDTH {
        return format!("#[{name}({list})]");
    }
    format!("#[{name}(\n    {}\n)]", arguments.join(",\n    "))
}

/// `const NAME: &str = "value";` at the start of a line.
pub fn constant(name: &str, value: &str) -> String {
    let one_line = format!("const {name}: &str = {value:?};");
    let second = format!("    {value:?};");
    // A text that fits on no line stays where it is.
    if one_line.len() <= WIDTH || second.len() > WIDTH { one_line } else { format!("const {name}: &str =\n{second}") }
}

/// `let name = callee(argument);`, indented by four.
pub fn let_call(name: &str, callee: &str, argument: &str) -> String {
    let_call_at(4, name, callee, argument)
}

/// The same, indented by so many columns.
pub fn let_call_at(indent: usize, name: &str, callee: &str, argument: &str) -> String {
    let outer = " ".repeat(indent);
    let one_line = format!("{outer}let {name} = {callee}({argument});");
    let two_lines = format!("{outer}    {callee}({argument});");
    if one_line.len() <= WIDTH {
        one_line
    } else if two_lines.len() <= WIDTH {
        format!("{outer}let {name} =\n{two_lines}")
    } else {
        format!("{outer}let {name} = {callee}(\n{outer}    {argument}\n{outer});")
    }
}

/// `head(parameters) -> result {` at the start of a line.
pub fn signature(head: &str, parameters: &[String], result: &str) -> String {
    let one_line = format!("{head}({}) -> {result} {{", parameters.join(", "));
    if one_line.len() <= WIDTH {
        return one_line;
    }
    let lines: String = parameters.iter().map(|parameter| format!("    {parameter},\n")).collect();
    format!("{head}(\n{lines}) -> {result} {{")
}

/// `pub mod` lines for these modules, in rustfmt's order, in a module of the name `parent`.
pub fn modules(parent: &str, mut modules: Vec<String>) -> Vec<String> {
    modules.sort_by(|a, b| a.trim_start_matches("r#").cmp(b.trim_start_matches("r#")));
    let line = |module: &String| {
        // A kind may well be called as its group is.
        let allow = if module == parent { "#[allow(clippy::module_inception)]\n" } else { "" };
        format!("{allow}pub mod {module};")
    };
    modules.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_lines_stay_long_ones_break() {
        assert_eq!(use_items("a::b", &["C"]), "use a::b::C;");
        assert_eq!(use_items("a::b", &["C", "D"]), "use a::b::{C, D};");
        let long = "L".repeat(46);
        assert_eq!(use_items("a", &[&long, &long, "C"]), format!("use a::{{\n    {long}, {long},\n    C,\n}};"));
        assert_eq!(call(4, "a.add", &["b".into()]), "    a.add(b);");
        assert_eq!(call(4, "a.add", &["b".repeat(70)]), format!("    a.add({});", "b".repeat(70)));
        assert_eq!(call(4, "a.add", &["b".repeat(90)]), format!("    a.add(\n        {},\n    );", "b".repeat(90)));
        assert_eq!(
            call(4, "a.add", &["b".repeat(50), "c".repeat(10)]),
            format!("    a.add(\n        {},\n        {},\n    );", "b".repeat(50), "c".repeat(10))
        );
    }

    #[test]
    fn long_assignments_break() {
        assert_eq!(let_call("a", "b", "c"), "    let a = b(c);");
        let long = "c".repeat(87);
        assert_eq!(let_call("a", "b", &long), format!("    let a =\n        b({long});"));
        let longer = "c".repeat(89);
        assert_eq!(let_call("a", "b", &longer), format!("    let a = b(\n        {longer}\n    );"));
    }

    #[test]
    fn long_chains_break() {
        let calls = |length: usize| vec![("add", "a::B".to_owned()), ("connect", "c".repeat(length))];
        assert_eq!(chain(4, "apis", &calls(4)[..1]), "    apis.add(a::B);");
        assert_eq!(chain(4, "apis", &calls(36)), format!("    apis.add(a::B).connect({});", "c".repeat(36)));
        let long = "c".repeat(37);
        assert_eq!(chain(4, "apis", &calls(37)), format!("    apis.add(a::B)\n        .connect({long});"));
        let longer = "c".repeat(84);
        assert_eq!(
            chain(4, "apis", &calls(84)),
            format!("    apis.add(a::B)\n        .connect(\n            {longer},\n        );")
        );
        let nested = |length| chain_argument(4, "a::b()", &[".c()".to_owned(), format!(".d({})", "e".repeat(length))]);
        assert_eq!(nested(46), format!("a::b().c().d({})", "e".repeat(46)));
        let broken =
            format!("\n            a::b()\n                .c()\n                .d({}),\n        ", "e".repeat(47));
        assert_eq!(nested(47), broken);
        assert_eq!(
            chain(4, "apis", &[("add", "a".to_owned()), ("version", nested(47))]),
            format!("    apis.add(a)\n        .version({broken});")
        );
        assert_eq!(attribute("kube", &["a".into(), "b".into()]), "#[kube(a, b)]");
        assert_eq!(
            attribute("kube", &["a".into(), "b".repeat(70)]),
            format!("#[kube(\n    a,\n    {}\n)]", "b".repeat(70))
        );
        assert_eq!(constant("A", "b"), "const A: &str = \"b\";");
        let long = "b".repeat(90);
        assert_eq!(constant("A", &long), format!("const A: &str =\n    \"{long}\";"));
    }

    #[test]
    fn chains_that_are_awaited_break() {
        let links = |kind: &str| [format!(".owns::<{kind}>()"), ".run(f)".into(), ".await".into()];
        assert_eq!(await_chain(4, "cx", &links("Nest")), "    cx.owns::<Nest>().run(f).await;");
        let longest = "K".repeat(34);
        assert_eq!(await_chain(4, "cx", &links(&longest)), format!("    cx.owns::<{longest}>().run(f).await;"));
        let long = "K".repeat(35);
        assert_eq!(
            await_chain(4, "cx", &links(&long)),
            format!("    cx.owns::<{long}>()\n        .run(f)\n        .await;")
        );
        let mapper = "m".repeat(90);
        assert_eq!(
            chain_text(4, 4, "server", &[".a()".into(), format!(".b({mapper})")]),
            format!("server\n        .a()\n        .b(\n            {mapper},\n        )")
        );
    }

    #[test]
    fn long_signatures_break() {
        assert_eq!(signature("fn f", &["a: B".into(), "c: D".into()], "E"), "fn f(a: B, c: D) -> E {");
        let long = format!("a: {}", "B".repeat(80));
        assert_eq!(
            signature("fn f", &[long.clone(), "c: D".into()], "E"),
            format!("fn f(\n    {long},\n    c: D,\n) -> E {{")
        );
    }

    #[test]
    fn modules_sort_without_their_raw_sign() {
        let names = ["v1", "r#type", "bird", "v10", "super_"].map(String::from).to_vec();
        assert_eq!(
            modules("demo", names).join(" "),
            "pub mod bird; pub mod super_; pub mod r#type; pub mod v1; pub mod v10;"
        );
        assert_eq!(modules("bird", vec!["bird".into()]), ["#[allow(clippy::module_inception)]\npub mod bird;"]);
    }
}
