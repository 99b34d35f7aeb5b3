|||
  First line
    and a second one
|||
