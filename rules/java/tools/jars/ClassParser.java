package rules.java.tools.jars;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** The parts of a class file (Java Virtual Machine Specification, chapter 4), with indices into its constant pool. */
public final class ClassParser {
  public static final int ACC_PUBLIC = 0x0001;
  public static final int ACC_PRIVATE = 0x0002;
  public static final int ACC_STATIC = 0x0008;
  public static final int ACC_BRIDGE = 0x0040;
  public static final int ACC_SYNTHETIC = 0x1000;

  public static final int UTF8 = 1;
  public static final int LONG = 5;
  public static final int DOUBLE = 6;
  public static final int CLASS = 7;
  private static final int MAGIC = 0xcafebabe;
  private static final int METHOD_HANDLE = 15;

  /** An attribute: its name, and its bytes after the length. */
  public static final class Attribute {
    final String name;
    final int nameIndex;
    final ByteBuffer data;

    Attribute(String name, int nameIndex, ByteBuffer data) {
      this.name = name;
      this.nameIndex = nameIndex;
      this.data = data;
    }
  }

  /** A field or method. */
  public static final class Member {
    final int access;
    final int name;
    final int descriptor;
    final List<Attribute> attributes;

    Member(int access, int name, int descriptor, List<Attribute> attributes) {
      this.access = access;
      this.name = name;
      this.descriptor = descriptor;
      this.attributes = attributes;
    }
  }

  public final int version;
  public final int access;
  public final int thisClass;
  public final int superClass;
  public final int[] interfaces;
  public final List<Member> fields;
  public final List<Member> methods;
  public final List<Attribute> attributes;

  private final ByteBuffer bytes;
  private final int[] offsets;

  /**
   * Parses a class file.
   *
   * @throws IllegalArgumentException the bytes are not a class file
   */
  public ClassParser(byte[] content) {
    bytes = ByteBuffer.wrap(content);
    try {
      if (bytes.getInt() != MAGIC) {
        throw new IllegalArgumentException("not a class file");
      }
      version = bytes.getInt();
      offsets = new int[u2(bytes)];
      for (int i = 1; i < offsets.length; i++) {
        offsets[i] = bytes.position();
        int tag = bytes.get();
        bytes.position(bytes.position() + length(tag, bytes));
        if (tag == LONG || tag == DOUBLE) {
          i++; // They take two indices.
        }
      }
      access = u2(bytes);
      thisClass = u2(bytes);
      superClass = u2(bytes);
      interfaces = new int[u2(bytes)];
      for (int i = 0; i < interfaces.length; i++) {
        interfaces[i] = u2(bytes);
      }
      fields = members();
      methods = members();
      attributes = attributes(bytes);
    } catch (java.nio.BufferUnderflowException error) {
      throw new IllegalArgumentException("the class file is cut off");
    }
  }

  public static int u2(ByteBuffer buffer) {
    return buffer.getShort() & 0xffff;
  }

  public static int u1(ByteBuffer buffer) {
    return buffer.get() & 0xff;
  }

  /** Returns the number of bytes of a constant after its tag. */
  private static int length(int tag, ByteBuffer at) {
    switch (tag) {
      case UTF8:
        return 2 + (at.getShort(at.position()) & 0xffff);
      case LONG:
      case DOUBLE:
        return 8;
      case CLASS:
      case 8: // String
      case 16: // MethodType
      case 19: // Module
      case 20: // Package
        return 2;
      case METHOD_HANDLE:
        return 3;
      default:
        return 4;
    }
  }

  private List<Member> members() {
    List<Member> members = new ArrayList<>();
    for (int i = u2(bytes); i > 0; i--) {
      members.add(new Member(u2(bytes), u2(bytes), u2(bytes), attributes(bytes)));
    }
    return members;
  }

  /** Reads a table of attributes. */
  public List<Attribute> attributes(ByteBuffer from) {
    List<Attribute> table = new ArrayList<>();
    for (int i = u2(from); i > 0; i--) {
      int name = u2(from);
      int length = from.getInt();
      ByteBuffer data = from.slice();
      data.limit(length);
      from.position(from.position() + length);
      table.add(new Attribute(utf8(name), name, data));
    }
    return table;
  }

  /** Returns a constant's tag and its bytes after it. */
  public ByteBuffer constant(int index) {
    ByteBuffer constant = bytes.duplicate();
    constant.position(offsets[index]);
    int tag = constant.get(constant.position());
    ByteBuffer after = bytes.duplicate();
    after.position(offsets[index] + 1);
    constant.limit(offsets[index] + 1 + length(tag, after));
    return constant.slice();
  }

  /** Returns the text of a Utf8 constant; names outside of the basic plane stay in Java's modified form. */
  public String utf8(int index) {
    ByteBuffer constant = constant(index);
    byte[] text = new byte[constant.remaining() - 3];
    constant.position(3);
    constant.get(text);
    return new String(text, StandardCharsets.UTF_8);
  }

  /** Returns the name of a Class constant, with slashes. Index 0 gives null. */
  public String className(int index) {
    return index == 0 ? null : utf8(constant(index).getShort(1) & 0xffff);
  }

  /** Returns the attribute of that name, or null. */
  public static Attribute attribute(List<Attribute> attributes, String name) {
    for (Attribute attribute : attributes) {
      if (attribute.name.equals(name)) {
        return attribute;
      }
    }
    return null;
  }
}
