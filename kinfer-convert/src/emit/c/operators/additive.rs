//! Additive models: a row of a table for each term, summed.

use kinfer::format::Additive;

use super::Writer;

pub(super) fn additive(to: &mut Writer<'_, '_>, additive: &Additive) {
    let scores = to.operator.node.outputs();
    let data = to.operator.node.model.data();
    let terms: Vec<_> = additive.terms(data).collect();
    let bases: Vec<i64> = additive.bases(data).take(scores).map(i64::from).collect();
    let rows = terms.iter().fold(0u64, |rows, term| rows + u64::from(term.rows()));
    let entries = usize::try_from(rows).unwrap_or(usize::MAX).saturating_mul(scores);
    // The same values as the bases are: 32 bits each from an offset on.
    let tables = Additive { bases: additive.tables, ..*additive };
    let entries: Vec<i64> = tables.bases(data).take(entries).map(i64::from).collect();

    let entry = if scores == 1 { "at".to_owned() } else { format!("at * {scores} + c") };
    let entry = format!("{}[{entry}]", to.table("tables", &entries));
    let base = to.column("bases", "c", &bases);
    let name = format!("@{}", to.name);
    to.code
        .line("/* Of each term two elements of x, the largest bin of each, the bins of the second, its first row. */");
    to.code.line(format!(
        "static const struct {name}_term {{\n\tint32_t a, b, last_a, last_b, bins_b, first;\n}} {name}_terms[{}] = {{",
        terms.len()
    ));
    to.code.indent();
    let mut first = 0u64;
    for term in &terms {
        let ([a, b], [bins_a, bins_b]) = (term.elements, term.bins);
        let last = |bins: u16| bins.saturating_sub(1);
        to.code.line(format!("{{ {a}, {b}, {}, {}, {bins_b}, {first} }},", last(bins_a), last(bins_b)));
        first += u64::from(term.rows());
    }
    to.code.close(";");
    to.code.blank();
    to.begin_xy("int t, c;");
    to.code.line(format!("for (c = 0; c < {scores}; c++)\n\ty[c] = @keep({base});"));
    to.code.open(format!("for (t = 0; t < {}; t++)", terms.len()));
    to.code.line(format!("const struct {name}_term *term = &{name}_terms[t];"));
    to.code.line("int32_t a = @clamp(x[term->a], 0, term->last_a), b = @clamp(x[term->b], 0, term->last_b);");
    to.code.line("int32_t at = term->first + a * term->bins_b + b;");
    to.code.blank();
    // Sums wrap on the way, and the verifier has proved that they end in the type.
    to.code.line(format!("for (c = 0; c < {scores}; c++)"));
    to.code.line(format!("\ty[c] = ({})((uint32_t)y[c] + (uint32_t){entry});", to.y()));
    to.code.close("");
    to.code.close("");
}
