package rules.java.tools.jars;

import static rules.java.tools.jars.ClassParser.u1;
import static rules.java.tools.jars.ClassParser.u2;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Reduces a class file to what a compiler reads of it when it compiles a dependent.
 *
 * <p>What goes: code, private and synthetic members, debug information, and constants that nothing else uses. The constant pool
 * is rewritten in the order of use, so that a change inside a method body changes no byte.
 */
public final class ClassStripper {
  private final ClassParser in;
  private final ByteArrayOutputStream pool = new ByteArrayOutputStream();
  private final DataOutputStream poolData = new DataOutputStream(pool);
  private final Map<Integer, Integer> indices = new HashMap<>();
  private final Map<String, Integer> texts = new HashMap<>();
  private final Set<String> classNames = new HashSet<>();
  private int next = 1;

  private ClassStripper(ClassParser in) {
    this.in = in;
  }

  /** A member class as the InnerClasses attribute has it. */
  private static final class Inner {
    final int inner;
    final int outer;
    final int name;
    final int access;

    Inner(ByteBuffer data) {
      inner = u2(data);
      outer = u2(data);
      name = u2(data);
      access = u2(data);
    }
  }

  /**
   * Reduces a class.
   *
   * @param content the class file
   * @return the reduced class file, or null if the class is anonymous or local, which no other file can name
   */
  public static byte[] strip(byte[] content) throws IOException {
    return new ClassStripper(new ClassParser(content)).strip();
  }

  private byte[] strip() throws IOException {
    List<Inner> inners = inners();
    String self = in.className(in.thisClass);
    for (Inner inner : inners) {
      if ((inner.outer == 0 || inner.name == 0) && self.equals(in.className(inner.inner))) {
        return null;
      }
    }
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(body);
    out.writeShort(in.access);
    out.writeShort(constant(in.thisClass));
    out.writeShort(constant(in.superClass));
    out.writeShort(in.interfaces.length);
    for (int each : in.interfaces) {
      out.writeShort(constant(each));
    }
    members(in.fields, out);
    members(in.methods, out);
    List<byte[]> attributes = attributes(in.attributes);
    byte[] members = innerClasses(inners, self);
    if (members != null) {
      attributes.add(members);
    }
    write(attributes, out);

    ByteArrayOutputStream whole = new ByteArrayOutputStream();
    DataOutputStream file = new DataOutputStream(whole);
    file.writeInt(0xcafebabe);
    file.writeInt(in.version);
    file.writeShort(next);
    pool.writeTo(file);
    body.writeTo(file);
    return whole.toByteArray();
  }

  private void members(List<ClassParser.Member> members, DataOutputStream out) throws IOException {
    List<ClassParser.Member> kept = new ArrayList<>();
    for (ClassParser.Member member : members) {
      // A bridge tells the compiler of a subclass which bridges it need not write.
      boolean synthetic = (member.access & ClassParser.ACC_SYNTHETIC) != 0 && (member.access & ClassParser.ACC_BRIDGE) == 0;
      if ((member.access & ClassParser.ACC_PRIVATE) == 0 && !synthetic && !in.utf8(member.name).equals("<clinit>")) {
        kept.add(member);
      }
    }
    out.writeShort(kept.size());
    for (ClassParser.Member member : kept) {
      out.writeShort(member.access);
      out.writeShort(constant(member.name));
      out.writeShort(constant(member.descriptor));
      names(in.utf8(member.descriptor));
      write(attributes(member.attributes), out);
    }
  }

  private static void write(List<byte[]> attributes, DataOutputStream out) throws IOException {
    out.writeShort(attributes.size());
    for (byte[] attribute : attributes) {
      out.write(attribute);
    }
  }

  private List<byte[]> attributes(List<ClassParser.Attribute> attributes) throws IOException {
    List<byte[]> kept = new ArrayList<>();
    for (ClassParser.Attribute attribute : attributes) {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      if (attribute(attribute, attribute.data.duplicate(), new DataOutputStream(bytes))) {
        kept.add(attribute(attribute.nameIndex, bytes.toByteArray()));
      }
    }
    return kept;
  }

  private byte[] attribute(int name, byte[] data) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(bytes);
    out.writeShort(constant(name));
    out.writeInt(data.length);
    out.write(data);
    return bytes.toByteArray();
  }

  /** Writes the data of an attribute, and returns false if it is not kept. */
  private boolean attribute(ClassParser.Attribute attribute, ByteBuffer data, DataOutputStream out) throws IOException {
    switch (attribute.name) {
      case "Deprecated":
        return true;
      case "Signature":
        names(in.utf8(data.getShort(data.position()) & 0xffff));
        out.writeShort(constant(u2(data)));
        return true;
      case "ConstantValue":
        out.writeShort(constant(u2(data)));
        return true;
      case "Exceptions":
      case "PermittedSubclasses":
        int classes = u2(data);
        out.writeShort(classes);
        for (int i = 0; i < classes; i++) {
          out.writeShort(constant(u2(data)));
        }
        return true;
      case "MethodParameters":
        int parameters = u1(data);
        out.writeByte(parameters);
        for (int i = 0; i < parameters; i++) {
          out.writeShort(constant(u2(data)));
          out.writeShort(u2(data));
        }
        return true;
      case "AnnotationDefault":
        value(data, out);
        return true;
      case "RuntimeVisibleAnnotations":
      case "RuntimeInvisibleAnnotations":
        annotations(data, out);
        return true;
      case "RuntimeVisibleParameterAnnotations":
      case "RuntimeInvisibleParameterAnnotations":
        int annotated = u1(data);
        out.writeByte(annotated);
        for (int i = 0; i < annotated; i++) {
          annotations(data, out);
        }
        return true;
      case "RuntimeVisibleTypeAnnotations":
      case "RuntimeInvisibleTypeAnnotations":
        int types = u2(data);
        out.writeShort(types);
        for (int i = 0; i < types; i++) {
          target(data, out);
          annotation(data, out);
        }
        return true;
      case "Record":
        int components = u2(data);
        out.writeShort(components);
        for (int i = 0; i < components; i++) {
          out.writeShort(constant(u2(data)));
          out.writeShort(constant(u2(data)));
          write(attributes(in.attributes(data)), out);
        }
        return true;
      default:
        return false; // Code, debug information, and what only the virtual machine reads.
    }
  }

  private void annotations(ByteBuffer data, DataOutputStream out) throws IOException {
    int count = u2(data);
    out.writeShort(count);
    for (int i = 0; i < count; i++) {
      annotation(data, out);
    }
  }

  private void annotation(ByteBuffer data, DataOutputStream out) throws IOException {
    names(in.utf8(data.getShort(data.position()) & 0xffff));
    out.writeShort(constant(u2(data)));
    int pairs = u2(data);
    out.writeShort(pairs);
    for (int i = 0; i < pairs; i++) {
      out.writeShort(constant(u2(data)));
      value(data, out);
    }
  }

  private void value(ByteBuffer data, DataOutputStream out) throws IOException {
    int tag = u1(data);
    out.writeByte(tag);
    switch (tag) {
      case 'e':
        names(in.utf8(data.getShort(data.position()) & 0xffff));
        out.writeShort(constant(u2(data)));
        out.writeShort(constant(u2(data)));
        return;
      case 'c':
        names(in.utf8(data.getShort(data.position()) & 0xffff));
        out.writeShort(constant(u2(data)));
        return;
      case '@':
        annotation(data, out);
        return;
      case '[':
        int count = u2(data);
        out.writeShort(count);
        for (int i = 0; i < count; i++) {
          value(data, out);
        }
        return;
      default:
        out.writeShort(constant(u2(data)));
    }
  }

  /** Copies the target and the path of a type annotation, which have no constants. */
  private static void target(ByteBuffer data, DataOutputStream out) throws IOException {
    int type = u1(data);
    out.writeByte(type);
    copy(type <= 0x01 || type == 0x16 ? 1 : type >= 0x13 && type <= 0x15 ? 0 : 2, data, out);
    int steps = u1(data);
    out.writeByte(steps);
    copy(2 * steps, data, out);
  }

  private static void copy(int bytes, ByteBuffer data, DataOutputStream out) throws IOException {
    for (int i = 0; i < bytes; i++) {
      out.writeByte(data.get());
    }
  }

  private List<Inner> inners() {
    List<Inner> inners = new ArrayList<>();
    ClassParser.Attribute attribute = ClassParser.attribute(in.attributes, "InnerClasses");
    if (attribute != null) {
      ByteBuffer data = attribute.data.duplicate();
      for (int i = u2(data); i > 0; i--) {
        inners.add(new Inner(data));
      }
    }
    return inners;
  }

  /** Returns the InnerClasses attribute of member classes of this class and of those that it names, or null for none. */
  private byte[] innerClasses(List<Inner> inners, String self) throws IOException {
    Map<String, Inner> kept = new TreeMap<>(); // javac's order depends on method bodies.
    classNames.add(self);
    boolean changed = true;
    while (changed) {
      changed = false;
      for (Inner inner : inners) {
        String name = in.className(inner.inner);
        boolean named = inner.outer != 0 && inner.name != 0 && (classNames.contains(name) || self.equals(in.className(inner.outer)));
        if (named && kept.putIfAbsent(name, inner) == null) {
          classNames.add(in.className(inner.outer));
          changed = true;
        }
      }
    }
    if (kept.isEmpty()) {
      return null;
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(bytes);
    out.writeShort(kept.size());
    for (Inner inner : kept.values()) {
      out.writeShort(constant(inner.inner));
      out.writeShort(constant(inner.outer));
      out.writeShort(constant(inner.name));
      out.writeShort(inner.access);
    }
    return attribute(ClassParser.attribute(in.attributes, "InnerClasses").nameIndex, bytes.toByteArray());
  }

  /** Notes the classes that a descriptor or signature names: each L up to the next ; or type argument. */
  private void names(String descriptor) {
    int start = -1;
    for (int i = 0; i < descriptor.length(); i++) {
      char c = descriptor.charAt(i);
      if (start < 0 && c == 'L') {
        start = i + 1;
      } else if (start >= 0 && (c == ';' || c == '<' || c == ':')) {
        classNames.add(descriptor.substring(start, i));
        start = -1;
      }
    }
  }

  /** Returns the new index of a constant, which is copied at its first use. */
  private int constant(int old) throws IOException {
    if (old == 0) {
      return 0;
    }
    Integer known = indices.get(old);
    if (known != null) {
      return known;
    }
    ByteBuffer constant = in.constant(old);
    int tag = constant.get();
    byte[] data = new byte[constant.remaining()];
    constant.get(data);
    if (tag == ClassParser.UTF8) {
      known = texts.get(in.utf8(old));
      if (known == null) {
        known = append(tag, data);
        texts.put(in.utf8(old), known);
      }
    } else if (tag == ClassParser.CLASS || tag == 8) { // Class and String: the index of a text.
      int text = ByteBuffer.wrap(data).getShort() & 0xffff;
      if (tag == ClassParser.CLASS) {
        classNames.add(in.utf8(text));
      }
      int moved = constant(text);
      known = append(tag, new byte[] {(byte) (moved >> 8), (byte) moved});
    } else if (tag >= 3 && tag <= ClassParser.DOUBLE) { // A number.
      known = append(tag, data);
    } else {
      throw new IllegalArgumentException("a constant of kind " + tag + " outside of code");
    }
    indices.put(old, known);
    return known;
  }

  private int append(int tag, byte[] data) throws IOException {
    poolData.writeByte(tag);
    poolData.write(data);
    int index = next;
    next += tag == ClassParser.LONG || tag == ClassParser.DOUBLE ? 2 : 1;
    return index;
  }
}
