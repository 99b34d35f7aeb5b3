package rules.java.tools.compiler;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;

/** A source, class or resource in memory: a file of a source jar, or what the compiler writes. */
final class MemoryFile extends SimpleJavaFileObject {
  private final String name;
  private byte[] content;

  /**
   * A file.
   *
   * @param name the path that errors show
   * @param kind what the file is
   * @param content the bytes, or null if nothing was written yet
   */
  MemoryFile(String name, JavaFileObject.Kind kind, byte[] content) {
    super(uri(name), kind);
    this.name = name;
    this.content = content;
  }

  private static URI uri(String name) {
    try {
      return new URI("memory", null, "/" + name, null);
    } catch (URISyntaxException error) {
      throw new IllegalArgumentException(error);
    }
  }

  boolean written() {
    return content != null;
  }

  byte[] content() throws FileNotFoundException {
    if (content == null) {
      throw new FileNotFoundException(name);
    }
    return content;
  }

  @Override
  public String getName() {
    return name;
  }

  @Override
  public InputStream openInputStream() throws IOException {
    return new ByteArrayInputStream(content());
  }

  @Override
  public CharSequence getCharContent(boolean ignoreEncodingErrors) throws IOException {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(content()));
    } catch (CharacterCodingException error) {
      throw new IOException("it is not UTF-8", error);
    }
  }

  @Override
  public OutputStream openOutputStream() {
    return new ByteArrayOutputStream() {
      @Override
      public void close() {
        content = toByteArray();
      }
    };
  }

  @Override
  public Writer openWriter() {
    return new OutputStreamWriter(openOutputStream(), StandardCharsets.UTF_8);
  }
}
