//! Decision trees: a table of nodes, one of leaves, and a loop down each tree.

use kinfer::format::{Child, Leaves, Split, Trees};

use super::{Writer, narrowest};

pub(super) fn trees(to: &mut Writer<'_, '_>, trees: &Trees) {
    let (classes, missing) = (to.operator.node.outputs(), trees.missing);
    let data = to.operator.node.model.data();
    let (mut splits, mut leaves, mut roots, mut of_class) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let row = trees.row(classes);
    for tree in trees.iter(data, classes) {
        let begin = [splits.len(), leaves.len() / row.max(1)];
        roots.push((begin, tree.nodes() == 0));
        of_class.push(i64::from(tree.class));
        splits.extend(tree.splits());
        leaves.extend(tree.values().map(i64::from));
    }
    let bases: Vec<i64> = trees.bases(data, classes).map(i64::from).collect();

    let name = format!("@{}", to.name);
    if !splits.is_empty() {
        nodes(to, &name, &splits, missing);
    }
    let leaf = match leaves.as_slice() {
        [] => "0".to_owned(),
        leaves => format!(
            "{}[{}]",
            to.table("leaves", leaves),
            if row > 1 { format!("leaf * {row} + c") } else { "leaf".into() }
        ),
    };
    to.about("Where each tree begins: its first node and leaf; whether it is a leaf alone.");
    to.code.open(format!(
        "static const struct {name}_tree {{\n\tint32_t node, leaf, alone;\n}} {name}_trees[{}] =",
        roots.len()
    ));
    for ([node, leaf], alone) in &roots {
        to.code.line(format!("{{ {node}, {leaf}, {} }},", i32::from(*alone)));
    }
    to.code.close(";");
    let class = match trees.leaves {
        Leaves::Value => to.column("class", "t", &of_class),
        Leaves::Vector => "c".into(),
    };
    let base = to.column("bases", "c", &bases);
    to.code.blank();
    descent(to, &name, &splits, missing);

    to.begin_xy("int t, c;");
    to.code.line(format!("for (c = 0; c < {classes}; c++)\n\ty[c] = @keep({base});"));
    to.code.open(format!("for (t = 0; t < {}; t++)", roots.len()));
    to.code.line(format!("int32_t leaf = {name}_leaf(x, t);"));
    to.code.blank();
    // Sums wrap on the way, and the verifier has proved that they end in the type.
    let sum = format!("y[{class}] = ({})((uint32_t)y[{class}] + (uint32_t){leaf});", to.y());
    match trees.leaves {
        Leaves::Value => to.code.line(sum),
        Leaves::Vector => to.code.line(format!("for (c = 0; c < {classes}; c++)\n\t{sum}")),
    }
    to.code.close("");
    to.code.close("");
}

/// The nodes of all trees. A child is the number of a node of the tree, or below zero that of a leaf, inverted.
fn nodes(to: &mut Writer<'_, '_>, name: &str, splits: &[Split], missing: bool) {
    let child = |child: Child| match child {
        Child::Node(number) => i64::from(number),
        Child::Leaf(number) => !i64::from(number),
    };
    let numbers = |of: fn(&Split) -> i64| narrowest(&splits.iter().map(of).collect::<Vec<_>>());
    let (feature, threshold) = (numbers(|split| split.feature.into()), numbers(|split| split.threshold.into()));
    let children =
        narrowest(&splits.iter().flat_map(|split| [child(split.left), child(split.right)]).collect::<Vec<_>>());
    to.about("Children: a node of the tree, or below zero a leaf, inverted.");
    to.code.line(format!("static const struct {name}_node {{"));
    to.code.indent();
    to.code.line(format!("{feature} feature;\n{threshold} threshold;\n{children} left, right;"));
    if missing {
        to.code.line("uint8_t missing_right;");
    }
    to.code.close(&format!(" {name}_nodes[{}] = {{", splits.len()));
    to.code.indent();
    to.code.numbers(splits.iter().map(|split| {
        let missing = if missing { format!(", {}", u8::from(split.missing_right)) } else { String::new() };
        format!("{{ {}, {}, {}, {}{missing} }}", split.feature, split.threshold, child(split.left), child(split.right))
    }));
    to.code.close(";");
}

/// The function from a tree to the leaf that `x` reaches.
fn descent(to: &mut Writer<'_, '_>, name: &str, splits: &[Split], missing: bool) {
    to.about("The leaf of tree t that x reaches.");
    to.code.function(format!("static int32_t {name}_leaf(const {} *x, int t)", to.x()));
    if splits.is_empty() {
        to.code.line("(void)x;");
        to.code.line(format!("return {name}_trees[t].leaf;"));
        to.code.close("");
        to.code.blank();
        return;
    }
    to.code.line(format!("const struct {name}_tree *tree = &{name}_trees[t];"));
    to.code.line("int32_t at = tree->alone ? ~0 : 0;");
    to.code.blank();
    to.code.open("while (at >= 0)");
    to.code.line(format!("const struct {name}_node *node = &{name}_nodes[tree->node + at];"));
    to.code.line("int32_t value = x[node->feature];");
    if missing {
        to.code.line("int right = value == -32768 ? node->missing_right : value > node->threshold;");
    }
    to.code.blank();
    let right = if missing { "right" } else { "value > node->threshold" };
    to.code.line(format!("at = {right} ? node->right : node->left;"));
    to.code.close("");
    to.code.line("return tree->leaf + ~at;");
    to.code.close("");
    to.code.blank();
}
