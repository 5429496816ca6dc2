//! An object file as the checks see it: its functions with their instructions, and where each of them refers to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use iced_x86::{Decoder, DecoderOptions, Instruction};
use object::read::elf::{ElfFile64, ElfSymbol64};
use object::{Architecture, LittleEndian, Object as _, ObjectSection as _, ObjectSymbol as _};
use object::{RelocationTarget, SectionKind, SymbolIndex, SymbolKind};

type File<'a> = ElfFile64<'a, LittleEndian>;

/// A function of an object, by its number.
pub(super) type Id = usize;

/// What an instruction refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    /// A function of this object, from its start or somewhere inside.
    Function(Id),
    /// A symbol that another object defines.
    Outside(String),
    /// Data.
    Data,
}

/// An instruction of a function.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// Its address is the offset in the function's section.
    pub(super) instruction: Instruction,
    /// The relocation in it, if any.
    pub(super) reference: Option<Reference>,
}

/// A function: its name, and its instructions by offset in its section.
#[derive(Clone, Debug)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) steps: BTreeMap<u64, Step>,
    section: usize,
}

impl Function {
    fn decode(name: String, section: usize, start: u64, bytes: &[u8]) -> Result<Self> {
        let mut steps = BTreeMap::new();
        for instruction in &mut Decoder::with_ip(64, bytes, start, DecoderOptions::NONE) {
            ensure!(!instruction.is_invalid(), "{name} has bytes at {:#x} that are no instruction", instruction.ip());
            steps.insert(instruction.ip(), Step { instruction, reference: None });
        }
        Ok(Self { name, start, end: start + bytes.len() as u64, steps, section })
    }

    /// The name as in the source.
    pub(super) fn shown(&self) -> String {
        demangled(&self.name)
    }
}

/// The code of an object.
#[derive(Debug)]
pub(super) struct Code {
    /// The object's file name, for messages.
    pub(super) name: String,
    pub(super) functions: Vec<Function>,
    /// Symbols that other objects must define.
    pub(super) undefined: BTreeSet<String>,
}

impl Code {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        Self::parse(name, &bytes).with_context(|| format!("reading {}", path.display()))
    }

    fn parse(name: String, bytes: &[u8]) -> Result<Self> {
        let file = File::parse(bytes)?;
        ensure!(file.architecture() == Architecture::X86_64, "is not for x86-64");
        let mut code = Self { name, functions: Vec::new(), undefined: undefined(&file)? };
        for symbol in file.symbols() {
            code.add_function(&file, &symbol)?;
        }
        ensure!(!code.functions.is_empty(), "has no functions");
        code.add_references(&file)?;
        Ok(code)
    }

    /// The function that holds an address.
    pub(super) fn function_at(&self, section: usize, offset: u64) -> Option<Id> {
        self.functions.iter().position(|f| f.section == section && (f.start..f.end).contains(&offset))
    }

    /// The function at an address of the section that holds `function`.
    pub(super) fn neighbour_at(&self, function: &Function, offset: u64) -> Option<Id> {
        self.function_at(function.section, offset)
    }

    /// The function with this symbol, or with this path in the source.
    pub(super) fn function(&self, name: &str) -> Result<Id> {
        self.functions
            .iter()
            .position(|function| function.name == name || function.shown() == name)
            .with_context(|| format!("{} has no function {name}", self.name))
    }

    fn add_function(&mut self, file: &File<'_>, symbol: &ElfSymbol64<'_, '_, LittleEndian>) -> Result<()> {
        let Some(section) = symbol.section_index() else { return Ok(()) };
        if symbol.kind() != SymbolKind::Text || symbol.size() == 0 {
            return Ok(());
        }
        // One function may have several names.
        if self.functions.iter().any(|f| f.section == section.0 && f.start == symbol.address()) {
            return Ok(());
        }
        let name = symbol.name()?.to_owned();
        let data = file
            .section_by_index(section)?
            .data_range(symbol.address(), symbol.size())?
            .with_context(|| format!("{name} is not in its section"))?;
        self.functions.push(Function::decode(name, section.0, symbol.address(), data)?);
        Ok(())
    }

    fn add_references(&mut self, file: &File<'_>) -> Result<()> {
        for section in file.sections().filter(|section| section.kind() == SectionKind::Text) {
            for (offset, relocation) in section.relocations() {
                let Some(id) = self.function_at(section.index().0, offset) else { continue };
                let reference = self.reference(file, relocation.target(), relocation.addend())?;
                let step = self.functions[id].steps.range_mut(..=offset).next_back();
                if let Some((_, step)) = step {
                    step.reference = Some(reference);
                }
            }
        }
        Ok(())
    }

    fn reference(&self, file: &File<'_>, target: RelocationTarget, addend: i64) -> Result<Reference> {
        let RelocationTarget::Symbol(index) = target else { return Ok(Reference::Data) };
        let symbol = file.symbol_by_index(index)?;
        let Some(section) = symbol.section_index() else {
            return Ok(Reference::Outside(symbol.name()?.to_owned()));
        };
        // A branch's displacement counts from its end, 4 bytes after the relocation. To a section symbol, the addend
        // says where.
        let offset = symbol.address().wrapping_add_signed(match symbol.kind() {
            SymbolKind::Section => addend.wrapping_add(4),
            _ => 0,
        });
        Ok(self.function_at(section.0, offset).map_or(Reference::Data, Reference::Function))
    }
}

#[cfg(test)]
impl Code {
    /// Functions one after the other in one section, without relocations.
    pub(super) fn assembled(functions: &[(&str, &[u8])]) -> Self {
        let mut code = Self { name: "test.o".to_owned(), functions: Vec::new(), undefined: BTreeSet::new() };
        let mut start = 0;
        for (name, bytes) in functions {
            code.functions.push(Function::decode((*name).to_owned(), 0, start, bytes).unwrap());
            start += bytes.len() as u64;
        }
        code
    }
}

fn undefined(file: &File<'_>) -> Result<BTreeSet<String>> {
    let names = file.symbols().filter(|symbol| symbol.is_undefined() && symbol.index() != SymbolIndex(0));
    Ok(names.map(|symbol| symbol.name().map(str::to_owned)).collect::<Result<_, _>>()?)
}

/// A symbol as in the source, without hashes.
pub(super) fn demangled(symbol: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(symbol))
}
