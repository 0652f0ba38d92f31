package duetbench;

import java.io.File;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.RandomAccessFile;

/**
 * The meeting point of two sides: a FIFO each, {@code barrier.A} and {@code barrier.B}. A side
 * writes one byte to the other's and reads one from its own: {@code g} from the other side, or
 * {@code x} from duetbench when the other side is gone, after which nobody is waited for.
 */
final class Barrier {
  private final RandomAccessFile own;
  private final RandomAccessFile other;
  private boolean alone;

  /** @throws FileNotFoundException unless both FIFOs are there: duetbench makes them */
  Barrier(File directory, String side) throws FileNotFoundException {
    if (!"A".equals(side) && !"B".equals(side)) {
      throw new FileNotFoundException("DUET_BARRIER is set, but DUET_SIDE is " + side + ", not A or B");
    }
    own = open(new File(directory, "barrier." + side));
    other = open(new File(directory, "barrier." + ("A".equals(side) ? "B" : "A")));
  }

  /** Whether both sides are here; false, at once, from when the other has ended. */
  boolean meet() {
    if (alone) {
      return false;
    }
    try {
      other.write('g');
      alone = own.read() != 'g';
      if (alone) {
        own.write('x'); // for the next process of this side, such as JMH's next fork
      }
    } catch (IOException e) {
      System.err.println("duetbench probe: the barrier broke, going on alone: " + e.getMessage());
      alone = true;
    }
    return !alone;
  }

  /** For reading and writing, since a FIFO opened for one only blocks until someone has the other end. */
  private static RandomAccessFile open(File fifo) throws FileNotFoundException {
    if (!fifo.exists()) { // "rw" would make a file of it
      throw new FileNotFoundException(fifo + ": no such barrier");
    }
    return new RandomAccessFile(fifo, "rw");
  }
}
