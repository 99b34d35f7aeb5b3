package rules.java.tests;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.util.Set;
import javax.annotation.processing.AbstractProcessor;
import javax.annotation.processing.RoundEnvironment;
import javax.annotation.processing.SupportedAnnotationTypes;
import javax.lang.model.SourceVersion;
import javax.lang.model.element.Element;
import javax.lang.model.element.TypeElement;

/** Writes a class for each class with the annotation Make. */
@SupportedAnnotationTypes("rules.java.tests.Make")
public final class Maker extends AbstractProcessor {
  @Override
  public SourceVersion getSupportedSourceVersion() {
    return SourceVersion.latest();
  }

  @Override
  public boolean process(Set<? extends TypeElement> annotations, RoundEnvironment round) {
    for (TypeElement annotation : annotations) {
      for (Element element : round.getElementsAnnotatedWith(annotation)) {
        String name = element.getSimpleName() + "Made";
        try (Writer writer = processingEnv.getFiler().createSourceFile("rules.java.tests." + name, element).openWriter()) {
          writer.write("package rules.java.tests; public final class " + name + " { }");
        } catch (IOException error) {
          throw new UncheckedIOException(error);
        }
      }
    }
    return true;
  }
}
