//! Networks of ai.onnx operators: what is read, what is left after simplification, what is refused.

mod builder;
mod functions;
mod refusals;
mod shapes;
mod state;
mod windows;
