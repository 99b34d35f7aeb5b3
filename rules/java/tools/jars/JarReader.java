package rules.java.tools.jars;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Enumeration;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/** Reads a jar's entries: their content, or their compressed bytes as they lie in the file. */
public final class JarReader implements Closeable {
  private static final int CENTRAL = 0x02014b50;
  private static final int END = 0x06054b50;
  private static final int END_LENGTH = 22;
  private static final int LONGEST_COMMENT = 0xffff;

  private final Path path;
  private final ZipFile zip;

  public JarReader(Path path) throws UserError, IOException {
    this.path = path;
    try {
      zip = new ZipFile(path.toFile());
    } catch (ZipException error) {
      throw UserError.damaged(path, error);
    }
  }

  /** Returns the names of all files, sorted. */
  public List<String> names() {
    List<String> names = new ArrayList<>();
    for (Enumeration<? extends ZipEntry> each = zip.entries(); each.hasMoreElements(); ) {
      ZipEntry entry = each.nextElement();
      if (!entry.isDirectory()) {
        names.add(entry.getName());
      }
    }
    Collections.sort(names);
    return names;
  }

  /** Returns the content of a file, or null if the jar does not have it. */
  public byte[] content(String name) throws UserError, IOException {
    ZipEntry entry = zip.getEntry(name);
    try {
      return entry == null ? null : zip.getInputStream(entry).readAllBytes();
    } catch (ZipException | EOFException error) {
      throw UserError.damaged(path, error);
    }
  }

  /** Adds the entries that a filter takes to a jar, with the compressed bytes that they have here. */
  public void copy(JarWriter to, java.util.function.Predicate<String> wanted) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "r")) {
      ByteBuffer directory = directory(file);
      while (directory.remaining() >= 46 && directory.getInt(directory.position()) == CENTRAL) {
        int at = directory.position();
        int method = directory.getShort(at + 10) & 0xffff;
        long crc = directory.getInt(at + 16) & 0xffffffffL;
        int compressed = directory.getInt(at + 20);
        long size = directory.getInt(at + 24) & 0xffffffffL;
        int name = directory.getShort(at + 28) & 0xffff;
        int after = (directory.getShort(at + 30) & 0xffff) + (directory.getShort(at + 32) & 0xffff);
        long offset = directory.getInt(at + 42) & 0xffffffffL;
        byte[] text = new byte[name];
        directory.position(at + 46);
        directory.get(text);
        directory.position(directory.position() + after);
        String entry = new String(text, java.nio.charset.StandardCharsets.UTF_8);
        if (!entry.endsWith("/") && wanted.test(entry)) {
          to.add(entry, new JarWriter.Entry(data(file, offset, compressed), method, crc, size));
        }
      }
    }
  }

  private static byte[] data(RandomAccessFile file, long offset, int length) throws IOException {
    ByteBuffer local = read(file, offset, 30);
    byte[] data = new byte[length];
    file.seek(offset + 30 + (local.getShort(26) & 0xffff) + (local.getShort(28) & 0xffff));
    file.readFully(data);
    return data;
  }

  private static ByteBuffer read(RandomAccessFile file, long offset, int length) throws IOException {
    byte[] bytes = new byte[length];
    file.seek(offset);
    file.readFully(bytes);
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Returns the central directory. Its place is known from its end, since a jar may follow a shell script. */
  private ByteBuffer directory(RandomAccessFile file) throws IOException {
    int length = (int) Math.min(file.length(), END_LENGTH + LONGEST_COMMENT);
    ByteBuffer tail = read(file, file.length() - length, length);
    for (int at = length - END_LENGTH; at >= 0; at--) {
      if (tail.getInt(at) == END) {
        return read(file, tail.getInt(at + 16) & 0xffffffffL, tail.getInt(at + 12));
      }
    }
    throw new IOException(path + " has no central directory");
  }

  @Override
  public void close() throws IOException {
    zip.close();
  }
}
