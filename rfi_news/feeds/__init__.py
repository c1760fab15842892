"""Articles out, in the forms that readers and programs take. Pure: articles in, bytes out."""
