//! Rows that do not fit into memory, in a temporary file without a name.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use super::table::Block;

/// Blocks, written one after the other and read in that order. The file goes when this does, or the process.
#[derive(Debug)]
pub(crate) struct Spill {
    file: BufWriter<File>,
}

impl Spill {
    /// An empty one, in the directory for temporary files.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { file: BufWriter::with_capacity(1 << 18, tempfile::tempfile()?) })
    }

    /// Writes a block behind the others.
    pub(crate) fn write(&mut self, block: &Block) -> io::Result<()> {
        self.file.write_all(&(block.keys.len() as u64).to_le_bytes())?;
        for key in &block.keys {
            self.file.write_all(&key.to_le_bytes())?;
        }
        for tag in &block.tags {
            self.file.write_all(&tag.to_le_bytes())?;
        }
        Ok(())
    }

    /// Gives each block to `take`, from the first.
    pub(crate) fn read(&mut self, mut take: impl FnMut(Block) -> io::Result<()>) -> io::Result<()> {
        self.file.flush()?;
        let file = self.file.get_mut();
        file.seek(SeekFrom::Start(0))?;
        let mut reader = BufReader::with_capacity(1 << 18, &*file);
        let mut header = [0; 8];
        loop {
            match reader.read_exact(&mut header) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                other => other?,
            }
            let rows = usize::try_from(u64::from_le_bytes(header)).map_err(io::Error::other)?;
            let mut bytes = vec![0; rows * size_of::<u64>()];
            reader.read_exact(&mut bytes)?;
            let keys = bytes.as_chunks().0.iter().map(|key| u64::from_le_bytes(*key)).collect();
            bytes.truncate(rows * size_of::<u32>());
            reader.read_exact(&mut bytes)?;
            let tags = bytes.as_chunks().0.iter().map(|tag| u32::from_le_bytes(*tag)).collect();
            take(Block { keys, tags })?;
        }
        file.seek(SeekFrom::End(0))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_twice() {
        let blocks = [
            Block { keys: vec![1, u64::MAX], tags: vec![7, 8] },
            Block::default(),
            Block { keys: vec![3], tags: vec![9] },
        ];
        let mut spill = Spill::new().unwrap();
        for _ in 0..2 {
            blocks.iter().for_each(|block| spill.write(block).unwrap());
        }
        for _ in 0..2 {
            let mut read = Vec::new();
            spill
                .read(|block| {
                    read.push(block);
                    Ok(())
                })
                .unwrap();
            assert_eq!(read, [blocks.clone(), blocks.clone()].concat());
        }
    }
}
