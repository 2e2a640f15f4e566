//! How rustfmt lays out the few lines whose length depends on names, so that a new project is formatted without it.

/// Lines are at most this long.
const WIDTH: usize = 100;

/// Arguments that take more go one to a line; rustfmt's `fn_call_width`.
const CALL_WIDTH: usize = 60;

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

/// `callee(arguments);` as a statement, indented by four.
pub fn call(callee: &str, arguments: &[String]) -> String {
    let list = arguments.join(", ");
    let one_line = format!("    {callee}({list});");
    let fits = one_line.len() <= WIDTH && (arguments.len() == 1 || list.len() <= CALL_WIDTH);
    let broken_fits = arguments.iter().all(|argument| "        ,".len() + argument.len() <= WIDTH);
    if fits || !broken_fits {
        return one_line;
    }
    let lines: String = arguments.iter().map(|argument| format!("        {argument},\n")).collect();
    format!("    {callee}(\n{lines}    );")
}

/// Module names in the order that rustfmt gives to `mod` lines.
pub fn sort_modules(modules: &mut [String]) {
    modules.sort_by(|a, b| a.trim_start_matches("r#").cmp(b.trim_start_matches("r#")));
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
        assert_eq!(call("a.add", &["b".into()]), "    a.add(b);");
        assert_eq!(call("a.add", &["b".repeat(70)]), format!("    a.add({});", "b".repeat(70)));
        assert_eq!(call("a.add", &["b".repeat(90)]), format!("    a.add(\n        {},\n    );", "b".repeat(90)));
        assert_eq!(
            call("a.add", &["b".repeat(50), "c".repeat(10)]),
            format!("    a.add(\n        {},\n        {},\n    );", "b".repeat(50), "c".repeat(10))
        );
    }

    #[test]
    fn modules_sort_without_their_raw_sign() {
        let mut modules = ["v1", "r#type", "bird", "v10", "super_"].map(String::from);
        sort_modules(&mut modules);
        assert_eq!(modules, ["bird", "super_", "r#type", "v1", "v10"]);
    }
}
