package rules.java.tools.jars;

import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.zip.CRC32;

/**
 * Writes a jar with the same bytes from the same content: sorted entries, one time stamp, META-INF first.
 *
 * <p>Entries are stored, not compressed: that is quicker, and the bytes do not depend on the machine's zlib. An entry of
 * another jar keeps the compressed bytes that it has there.
 */
public final class JarWriter {
  public static final String MANIFEST = "META-INF/MANIFEST.MF";

  /** 2010-01-01 00:00:00 in the format of MS-DOS, which is the earliest time that all tools take for a real one. */
  private static final int TIME = ((2010 - 1980) << 25) | (1 << 21) | (1 << 16);

  private static final int UTF8_NAMES = 1 << 11;
  private static final int LOCAL = 0x04034b50;
  private static final int CENTRAL = 0x02014b50;
  private static final int END = 0x06054b50;
  private static final int ZIP64_END = 0x06064b50;
  private static final int ZIP64_LOCATOR = 0x07064b50;
  private static final int MANY = 0xffff;

  /** An entry as it lies in the file. */
  public static final class Entry {
    final byte[] data;
    final int method;
    final long crc;
    final long size;

    /**
     * An entry of another jar.
     *
     * @param data the bytes as they lie in the file
     * @param method 0 for stored, 8 for deflated
     * @param crc the checksum of the content
     * @param size the length of the content
     */
    public Entry(byte[] data, int method, long crc, long size) {
      this.data = data;
      this.method = method;
      this.crc = crc;
      this.size = size;
    }

    /** An entry with this content. */
    public Entry(byte[] content) {
      CRC32 checksum = new CRC32();
      checksum.update(content);
      data = content;
      method = 0;
      crc = checksum.getValue();
      size = content.length;
    }
  }

  // The manifest must be the first entry (JarInputStream), and META-INF/ the only one before it.
  private final SortedMap<String, Entry> entries = new TreeMap<>(Comparator.comparingInt(JarWriter::rank).thenComparing(Comparator.naturalOrder()));

  private static int rank(String name) {
    return name.equals("META-INF/") ? 0 : name.equals(MANIFEST) ? 1 : name.startsWith("META-INF/") ? 2 : 3;
  }

  /** Adds an entry; returns false, and changes nothing, if the jar has one of that name. */
  public boolean add(String name, Entry entry) {
    return entries.putIfAbsent(name, entry) == null;
  }

  /** Adds an entry with this content; returns false, and changes nothing, if the jar has one of that name. */
  public boolean add(String name, byte[] content) {
    return add(name, new Entry(content));
  }

  /** Sets the main attributes of the manifest, in this order. */
  public void manifest(Map<String, String> attributes) {
    StringBuilder text = new StringBuilder("Manifest-Version: 1.0\r\n");
    attributes.forEach((name, value) -> text.append(wrapped(name + ": " + value)));
    entries.put(MANIFEST, new Entry(text.append("\r\n").toString().getBytes(StandardCharsets.UTF_8)));
  }

  /** Returns a manifest line, continued after 72 bytes as the format has it. */
  private static String wrapped(String line) {
    StringBuilder out = new StringBuilder();
    int used = 0;
    for (int i = 0; i < line.length(); ) {
      int point = line.codePointAt(i);
      String one = new String(Character.toChars(point));
      int bytes = one.getBytes(StandardCharsets.UTF_8).length;
      if (used + bytes > 70) {
        out.append("\r\n ");
        used = 1;
      }
      out.append(one);
      used += bytes;
      i += one.length();
    }
    return out.append("\r\n").toString();
  }

  /** Writes the jar. Folders get entries of their own, which class path scanners look for. */
  public void write(Path file) throws IOException {
    SortedMap<String, Entry> all = new TreeMap<>(entries.comparator());
    all.putAll(entries);
    Entry folder = new Entry(new byte[0]);
    for (String name : entries.keySet()) {
      for (int slash = name.lastIndexOf('/'); slash > 0; slash = name.lastIndexOf('/', slash - 1)) {
        all.putIfAbsent(name.substring(0, slash + 1), folder);
      }
    }
    try (OutputStream stream = new BufferedOutputStream(Files.newOutputStream(file), 1 << 16)) {
      ByteArrayOutputStream directory = new ByteArrayOutputStream();
      long offset = 0;
      for (Map.Entry<String, Entry> each : all.entrySet()) {
        Entry entry = each.getValue();
        byte[] name = each.getKey().getBytes(StandardCharsets.UTF_8);
        if (offset > 0xffffffffL - entry.data.length - (1 << 16)) {
          throw new IOException(file + ": the jar is larger than 4 GB");
        }
        Bytes header = new Bytes();
        header.four(LOCAL);
        common(header, entry, name);
        header.two(0);
        stream.write(header.toByteArray());
        stream.write(name);
        stream.write(entry.data);
        Bytes central = new Bytes();
        central.four(CENTRAL);
        central.two(20);
        common(central, entry, name);
        central.two(0).two(0).two(0).two(0).four(0).four((int) offset);
        directory.write(central.toByteArray());
        directory.write(name);
        offset += header.size() + name.length + entry.data.length;
      }
      stream.write(directory.toByteArray());
      stream.write(end(all.size(), directory.size(), offset));
    }
  }

  private static void common(Bytes to, Entry entry, byte[] name) {
    to.two(20).two(UTF8_NAMES).two(entry.method).four(TIME).four((int) entry.crc).four(entry.data.length).four((int) entry.size);
    to.two(name.length);
  }

  private static byte[] end(int count, int size, long offset) {
    Bytes end = new Bytes();
    if (count >= MANY) {
      end.four(ZIP64_END).eight(44).two(45).two(45).four(0).four(0).eight(count).eight(count).eight(size).eight(offset);
      end.four(ZIP64_LOCATOR).four(0).eight(offset + size).four(1);
    }
    int shown = Math.min(count, MANY);
    end.four(END).two(0).two(0).two(shown).two(shown).four(size).four((int) offset).two(0);
    return end.toByteArray();
  }

  /** Bytes in little-endian order. */
  private static final class Bytes extends ByteArrayOutputStream {
    Bytes two(int value) {
      write(value);
      write(value >> 8);
      return this;
    }

    Bytes four(int value) {
      return two(value).two(value >> 16);
    }

    Bytes eight(long value) {
      return four((int) value).four((int) (value >> 32));
    }
  }
}
